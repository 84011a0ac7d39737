"""Where a source can be made wrong, and how: one small change in one line of C or Python.

Nothing is changed in comments, strings, directives and declarations at the left margin.
"""
import ast
import io
import re
import tokenize

C_WORDS = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)
SWAPS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "&&": "||", "||": "&&", "+": "-", "-": "+",
         "and": "or", "or": "and"}
OPERATOR = re.compile(r"(?<= )(<=?|>=?|==|!=|&&|\|\||\+|-|and|or)(?= )")
NUMBER = re.compile(r"(?<![\w.'])(\d+)(?=[uUlL]*\b)(?![\w.]*[.xX])")
C_STATEMENT = re.compile(r"\s+([\w.>*\[\]-]+(\(.*\)| [-+*|&/^]?= .*|\+\+|--)|\([^;]*\)\(.*\)|break|continue|"
                         r"goto \w+);$")
C_TYPED = re.compile(r"\s+(?:const|static|struct|union|enum|unsigned|return|typedef|\w+_t)\b")
# Where numbers are sizes of arrays: a larger one is as good.
DECLARED = re.compile(r"\s+(?:static |const )*(?:char|int|double|unsigned|\w+_t|struct \w+) [^=]*;$")


def blank(match):
    return re.sub(r"[^\n]", " ", match[0])


def masked_c(text):
    """The text with comments, strings and directives blanked, each character where it was."""
    text = C_WORDS.sub(blank, text)
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", blank, text, flags=re.MULTILINE)


def masked_python(text):
    """The same of Python, where strings and comments are blanked."""
    lines = text.split("\n")
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in (tokenize.STRING, tokenize.COMMENT):
            continue
        (first, start), (last, end) = token.start, token.end
        for row in range(first - 1, last):
            a, b = start if row == first - 1 else 0, end if row == last - 1 else len(lines[row])
            lines[row] = lines[row][:a] + " " * (b - a) + lines[row][b:]
    return "\n".join(lines)


def condition_ends(line, start):
    """Where the parenthesis that opens at start is closed; None: not in this line."""
    depth = 0
    for at in range(start, len(line)):
        depth += {"(": 1, ")": -1}.get(line[at], 0)
        if not depth:
            return at
    return None


def swapped(line):
    """(start, end, new text) of operators and numbers."""
    for found in OPERATOR.finditer(line):
        yield found.start(), found.end(), SWAPS[found[1]]
    for found in NUMBER.finditer(line):
        yield found.start(1), found.end(1), str(int(found[1]) + 1)


def c_line(line, before):
    """(start, end, new text) of a masked line of C; before: the masked line above it."""
    if not DECLARED.match(line):
        yield from swapped(line)
    for found in re.finditer(r"\b(?:if|while) \(", line):
        end = condition_ends(line, found.end() - 1)
        if end:
            yield found.end(), found.end(), "!("
            yield end, end, ")"
    if C_STATEMENT.match(line) and not C_TYPED.match(line) and re.search(r"([;{})]|else|:|^)\s*$", before):
        yield len(line) - len(line.lstrip()), len(line), "(void)0;"
    if found := re.search(r"\breturn (.+);$", line):
        yield found.start(1), found.end(1), "1" if found[1] in ("0", "NULL") else "0"


def c_changes(text):
    lines = masked_c(text).split("\n")
    for row, line in enumerate(lines):
        if not line.startswith((" ", "\t")):
            continue
        changes = list(c_line(line, lines[row - 1]))
        at = 0
        while at < len(changes):
            several = [changes[at]]
            if changes[at][2] == "!(":  # a pair
                at += 1
                several.append(changes[at])
            at += 1
            yield row, several


def python_statements(text):
    """Rows of statements of one line that can go, and the column where each begins."""
    for node in ast.walk(ast.parse(text)):
        gone = isinstance(node, (ast.Assign, ast.AugAssign, ast.Raise, ast.Delete)) or (
            isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant))
        if gone and node.lineno == node.end_lineno and node.col_offset:
            yield node.lineno - 1, node.col_offset, node.end_col_offset


def python_changes(text):
    lines = masked_python(text).split("\n")
    for row, line in enumerate(lines):
        for one in swapped(line):
            yield row, [one]
        if found := re.match(r"\s*(?:if|elif|while) (.+):\s*$", line):
            yield row, [(found.start(1), found.start(1), "not ("), (found.end(1), found.end(1), ")")]
        if found := re.match(r"\s+return (\S.*?)\s*$", line):
            yield row, [(found.start(1), found.end(1), "0" if found[1] == "None" else "None")]
    for row, start, end in python_statements(text):
        yield row, [(start, end, "pass")]


def changed(line, several):
    for start, end, new in reversed(several):
        line = line[:start] + new + line[end:]
    return line


def sites(name, text):
    """Row -> the lines that could stand there instead. Rows count from 0."""
    lines, found = text.split("\n"), {}
    for row, several in (python_changes if name.endswith(".py") else c_changes)(text):
        new = changed(lines[row], several)
        if new != lines[row]:
            found.setdefault(row, []).append(new)
    return found
