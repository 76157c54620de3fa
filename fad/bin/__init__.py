"""Entry points: each has get_parser() and main(argv=None), and nothing imports them."""
