"""Text of strangers, such as names of files, without what moves a terminal's cursor."""


def printable(text: str, keep: str = "") -> str:
    r"""The text with each character that cannot be seen as an escape, such as `\x1b`.

    Args:
        text: any text.
        keep: control characters that stay.
    """
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() or letter in keep else ascii(letter)[1:-1] for letter in text
    )
