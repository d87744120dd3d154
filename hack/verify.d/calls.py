"""Calls in C++ source, for the checks that read what is given to them."""


def arguments(text, begin):
    """Those of the call whose parenthesis is at `begin`; parentheses inside of strings do not count."""
    depth, quoted = 0, False
    for end in range(begin, len(text)):
        if text[end] == '"' and text[end - 1] != "\\":
            quoted = not quoted
        elif not quoted:
            depth += (text[end] == "(") - (text[end] == ")")
            if depth == 0:
                return text[begin + 1 : end]
    return text[begin + 1 :]
