"""Text from strangers, such as names of files, shown safely."""


def printable(text: str) -> str:
    r"""A text in which all that cannot be printed is escaped, such as `\t`, `\x1b` and `\udcff`.

    Names of files may hold terminal codes, ends of lines, and bytes that are not UTF-8.
    """
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )
