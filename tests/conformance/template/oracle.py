#!/usr/bin/env python3
"""Compares our templates with PyPI's jinja2, set up as Hugging Face's transformers does: zero differences are expected.

  python3 tests/conformance/template/oracle.py --render BUILD/bin/jinja_render --conversations 200 [--cache DIR] [--templates DIR]

Three corpora, rendered by both sides and compared byte for byte. Where Python raises, we must refuse, with the same words
where the template raised them, and the reverse; "not supported" counts what jinja/template.h leaves out by name.
  templates    every *.jinja of data/templates and of --templates (a folder outside the repository), and with --cache (the
               folder that keeps packages) those of collected.json, each over random conversations (conversations.py) until
               so many gave a text; those that both sides refuse come on top
  expressions  each filter, test, method and operator over values of every kind
  statements   white space control, loops, scopes, macros, sets, at random
Prints the first differences of each template and the totals; the exit status is 1 if there is any difference.
"""

import argparse
import copy
import dataclasses
import datetime
import itertools
import json
import pathlib
import random
import re
import subprocess
import sys

import jinja2
import jinja2.ext
import jinja2.meta
import jinja2.nodes
import jinja2.sandbox

import collected
import conversations

ROOT = pathlib.Path(__file__).resolve().parents[3]
NOW = 1_763_942_400
REFUSALS_MAX = 6  # conversations tried for each that shall give a text


@dataclasses.dataclass
class Case:
    name: str
    source: str
    variables: dict
    reference: dict = None


class Raised(jinja2.exceptions.TemplateError):
    """By the template's own raise_exception."""


class Generation(jinja2.ext.Extension):
    """{% generation %}, as transformers has it when nobody asks for the mask."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_generation"), [], [], body).set_lineno(line)

    def _generation(self, caller):
        return caller()


def environment():
    def raise_exception(message):
        raise Raised(message)

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    def strftime_now(format):
        return datetime.datetime.fromtimestamp(NOW, datetime.timezone.utc).replace(tzinfo=None).strftime(format)

    out = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])
    out.filters["tojson"] = tojson
    out.globals["raise_exception"] = raise_exception
    out.globals["strftime_now"] = strftime_now
    return out


class Theirs:
    def __init__(self):
        self.environment = environment()
        self.compiled = {}

    def render(self, source, variables):
        try:
            if source not in self.compiled:
                self.compiled[source] = self.environment.from_string(source)
            # A copy, because jinja2's indent appends to a list it is given by mistake.
            return {"text": self.compiled[source].render(**copy.deepcopy(variables))}
        except Raised as error:
            return {"error": str(error), "raised": True}
        except Exception as error:  # whatever Python raises, we must refuse
            return {"error": f"{type(error).__name__}: {error}"}


# ---- chat templates

def shipped(folders):
    """Yields (name, source, variables always given)."""
    manifest = {entry["file"]: entry for entry in
                json.loads((ROOT / "data/templates/manifest.json").read_text())["templates"]}
    for folder in folders:
        for path in sorted(pathlib.Path(folder).glob("*.jinja")):
            entry = manifest.get(path.name, {"bos_token": "<s>", "eos_token": "</s>"})
            yield path.stem, path.read_bytes().decode(), {key: entry[key] for key in ("bos_token", "eos_token")}


def template_cases(templates, count, seed, theirs):
    for name, source, given in templates:
        asked_for = jinja2.meta.find_undeclared_variables(theirs.environment.parse(source))
        dice = random.Random(f"{seed} {name}")
        texts = 0
        for _ in range(count * REFUSALS_MAX):
            variables = conversations.conversation(dice, asked_for) | given
            case = Case(name, source, variables)
            case.reference = theirs.render(source, variables)
            texts += "text" in case.reference
            yield case
            if texts == count:
                break


# ---- expressions

VALUES = [None, True, False, 0, 1, -3, 7, 2**63 - 1, 0.0, -1.5, 2.5, 3.0, 1e22, "", "abc", "aBc DEF-ghi (jkl", " x ", "12", "-7",
          "3.9", "0x1F", "1_000", "中文 😀", "a\nb\r\nc\n", "  \n lead", "ß Σ ΑΣ", "<a>&\"'", [], [1, 2, 3], ["b", "A", "c"],
          [3, 1.5, True], [None, 1], ["a", 1], [[2, "x"], [1, "y"]], {}, {"a": 1, "B": 2}, {"items": 1, "get": 2, "sort": 3},
          [{"n": 2, "s": "b"}, {"n": 1, "s": "a"}, {"s": "c"}], {"x": {"y": [1, 2]}, "中": "文"}]

FILTERS = """abs|capitalize|default('d')|default('d', true)|d|dictsort|dictsort(by='value')|dictsort(true, reverse=true)|escape|e
first|float|float(1.5)|indent|indent(2, true)|indent(2, blank=true)|indent('> ')|int|int(9)|int(0, 16)|items|items|list|join
join(', ')|join('-', 'n')|last|length|count|list|lower|map('upper')|map('length')|list|max|min|reject|list|reject('none')|list
map(attribute='n')|list|map(attribute='n', default=0)|list|map('default', 'z')|list|rejectattr('n')|list|replace('a', 'b')
replace('', '-')|replace('b', '', 1)|reverse|list|reverse|round|round(1)|round(0, 'ceil')|round(1, 'floor')|select|list
select('string')|list|select('gt', 1)|list|select('in', [1, 'a'])|list|selectattr('n')|list|selectattr('n', 'equalto', 1)|list
selectattr('n', 'defined')|list|sort|sort(reverse=true)|sort(attribute='n')|sort(attribute='s,n')|sort(case_sensitive=true)|string
sum|sum(attribute='n')|title|tojson|tojson(indent=2)|tojson(indent=0)|tojson(ensure_ascii=true)|tojson(sort_keys=true)
tojson(separators=(',', ':'))|tojson(indent=4, separators=(', ', '= '))|trim|trim('a c')|unique|list|upper|wordcount|safe
first|upper|list|length|attr('items')|map('first')|list|map('trim')|join|string|length|list|tojson|sort|first|items|tojson
min(attribute='n')|max(attribute='s')|map('int')|sum|select('odd')|list|select('divisibleby', 3)|list|list|last|safe|upper"""

CHAINS = ["first|upper", "list|length", "map('upper')|list", "map('length')|list", "items|list", "reject|list",
          "reject('none')|list", "map(attribute='n')|list", "map(attribute='n', default=0)|list", "map('default', 'z')|list",
          "rejectattr('n')|list", "reverse|list", "select|list", "select('string')|list", "select('gt', 1)|list",
          "select('in', [1, 'a'])|list", "selectattr('n')|list", "selectattr('n', 'equalto', 1)|list",
          "selectattr('n', 'defined')|map(attribute='s')|join('+')", "unique|list", "map('trim')|join", "string|length",
          "list|tojson", "sort|first", "map('int')|sum", "select('odd')|list", "select('divisibleby', 3)|list", "list|last",
          "map('first')|list", "map('tojson')|join(',')", "select('mapping')|list|length", "safe + '<'", "escape + '<'",
          "('<' ~ '')|safe", "list|sort|join('|')", "groups"]

TESTS = ["boolean", "callable", "defined", "divisibleby 3", "divisibleby(0)", "eq 1", "equalto 'abc'", "even", "odd", "false",
         "true", "float", "ge 1", "gt 1", "in [1, 'abc']", "in 'abc'", "integer", "iterable", "le 1", "lower", "upper", "lt 1",
         "mapping", "ne 1", "none", "number", "sameas true", "sequence", "string", "undefined", "not none", "not string"]

ACCESSES = """.items()|list .keys()|list .values()|list .get('a') .get('z') .get('z',5) .a .x.y .x.y[0] ['a'] ['中'] [0] [-1] [5] [1:]
[:-1] [::-1] [::2] [5:] [-2:] [1:2] [:0] [-1:0:-1] ['items'] .sort .copy() .upper() .lower() .title() .capitalize() .strip() .strip('ac')
.lstrip() .rstrip() .rstrip('c\\n') .split() .split('b') .split(None,1) .split('b',1) .rsplit('b',1) .rsplit(None,1) .splitlines()
.splitlines(true) .startswith('a') .startswith(('x','a')) .endswith('c') .find('b') .find('b',1) .find('z') .rfind('b') .index('b')
.count('b') .count('') .count(1) .index(1) .replace('b','X') .replace('','.') .replace('b','X',1) .join(['1','2']) .join('xy') .join([1])
.partition('b') .rpartition('b') .removeprefix('a') .removesuffix('c') .isdigit() .isalpha() .isalnum() .isspace() .islower() .isupper()
.zfill(5) .casefold() .nothing .nothing.more .append(1) .pop() .update({}) .length .0 .format() .join('') .isdecimal() .clear()""".split()

OPERATORS = ["+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"]

EXPRESSIONS = """1 + 2 * 3 ** 2|-2 ** 2|2 ** 3 ** 2|not true and false|not (true and false)|1 < 2 < 3|1 < 3 < 2|1 if x else 2|1 if x
-x|+x|not x|x if x is defined else 'u'|'a' 'b'|"a\\tb\\u4e2d\\x41\\n"|'\\''|(1,)|()|(1, 2)|[1, [2]]|{'a': 1, 'b': [2]}|{1: 2, 'x': none}
dict(a=1, b=x)|dict([('a', 1)])|dict({'a': 1}, b=2)|range(3)|list|range(1, 9, 3)|list|range(5, 0, -2)|list|namespace(a=1).a
1.5e3|1_000|0x1f|0b11|0o17|1e400|'%s' is string|x is defined and x|x == none|x is none or x is string|loop is defined|1 ~ x ~ none
(x, 1)|[x, x]|{'k': x}|x in (1, 'a')|x and 1 or 2|range(0)|list|range(3)[1]|range(3)|length|'a' < 'b'|[1, 2] < [1, 3]|(x|string)|length
strftime_now('%d %b %Y')|strftime_now('%Y-%m-%d %H:%M:%S %A %B %j %-d')|raise_exception('no')|none.x|undefinedthing.x|undefinedthing
undefinedthing + 1|undefinedthing ~ 1|undefinedthing|length|undefinedthing|list|undefinedthing == x|undefinedthing in [x]
x in undefinedthing|1 in undefinedthing|undefinedthing is none|[undefinedthing]|1 // 0|1 % 0|1.5 // 0.1|-7 // 2|-7 % 3|7 % -3|-7.5 % 2
5.0 // 2|2 ** 0.5|(-8) ** 2|0 ** 0|10 ** 18|'ab' * 3|3 * 'ab'|[0] * 2|'a' * -1|true + true|true == 1|1 == 1.0|'1' == 1
caller is defined|x.y.z|x[undefinedthing]|"\\"|'a\\b'|"x" ~ 1.0|1.0|100000000000000000000.0|1e16|1e15|0.0001|0.00001|1/3
[1,2,3][1:]|'héllo'[1:3]|[3,1,2]|sort|[1,2]|first + 1|-[1,2]|first|5 is odd|not 5 is odd|5 is not odd|'a' is in 'abc'|x is not defined""".replace("\n", "|")


# Two blanks or a line end between them.
FORMATS = """'{}'.format(x)  '{0}{0}'.format(x)  '{a}-{a!r}'.format(a=x)  '{:>8}|{:^9}|{:*<7}'.format(x, x, x)  '{:{w}}'.format(x, w=6)
'{:d}'.format(x)  '{:05}'.format(x)  '{:+,}'.format(x)  '{:,.2f}'.format(x)  '{:_}'.format(x)
'{:#x} {:#o} {:b}'.format(x, x, x)  '{:e}'.format(x)  '{:g}'.format(x)  '{:.3}'.format(x)  '{:.0f}'.format(x)  '{:%}'.format(x)
'{:015,.1f}'.format(x)  '{:012,d}'.format(x)  '{:<5s}|'.format(x)  '{:c}'.format(x)  '{:X}'.format(x)
'{0.a} {0[a]} {0[0]}'.format(x)  '{{}} {}'.format(x)  '{'.format(x)  '}'.format(x)  '{}{0}'.format(x)  '{} {}'.format(x)
'{!s:>6}'.format(x)  '{!r:<9}'.format(x)  '{:>}'.format(x)  '{:中^7}'.format(x)  '{:.2s}'.format(x)  '{a}'.format_map(x)
'{:=+7}'.format(x)  '{:#.3g}'.format(x)  '{: }'.format(x)  '%s' % x  '%s %s' % (x, 1)  '%(a)s' % x  '%r' % (x,)  '%d' % x
'%5d|%-5d|%05d' % (x, x, x)  '%+.2f' % x  '%x %X %o' % (x, x, x)  '%#x' % x  '%e' % x  '%g' % x  '%c' % x  '%%' % x
'%5s|%-5s|' % (x, x)  '%.2s' % x  '%*d' % (5, x)  '%.*f' % (1, x)  '%.5d' % x  '%i %u' % (x, x)  '%' % x  '%z' % x  'a' % x
'% d' % x  '%08.3f' % x  '%-08d|' % x  '%s' % [x]  '%s' % (x,)  '%(a' % x  '%ld' % x  '%s' % ()  '%s and %s'|format(x, 2)
'%(k)s'|format(k=x)  x|format  '%s'|format  '%+05.1f'|format(x)  range(x)  range(x, 3)[::2]  range(5)[1:3]
range(3) == range(0, 3)  range(3) + [1]  [*x]  dict(**x)  dict(**x, b=9)  range(*[1, x])  '{}{}'.format(*x)  '{a}'.format(**x)
range(3).stop  range(9)[x]  range(3)|first  range(4)|list|tojson"""


def expression_cases(seed):
    for source, value in itertools.product(FORMATS.replace("\n", "  ").split("  "), VALUES + [5, 42, 1234567, -1234.5678, 0.00001234, 1e16, 65, "é"]):
        yield Case("format", "{{ " + source + " }}", {"x": value})
    filters = set(FILTERS.replace("\n", "|").split("|")) | set(CHAINS)
    for source in sorted(filters):
        for value in VALUES:
            yield Case("filter", "{{ (x|" + source + ") }}" if "+" not in source else "{{ x|" + source + " }}", {"x": value})
        yield Case("filter", "{{ nothing|" + source + " }}", {})
    for source, value in itertools.product(TESTS, VALUES):
        yield Case("test", "{{ x is " + source + " }}", {"x": value})
    for source in TESTS:
        yield Case("test", "{{ nothing is " + source + " }}", {})
    for source, value in itertools.product(ACCESSES, VALUES):
        yield Case("access", "{{ x" + source + " }}", {"x": value})
        yield Case("access", "{{ x" + source + " is defined }}", {"x": value})
    for operator in OPERATORS:
        for a, b in itertools.product(VALUES, VALUES):
            if operator == "**" and (abs(number(a)) > 100 or abs(number(b)) > 100):
                continue
            if operator == "*" and max(abs(number(a)), abs(number(b))) > 1e6:
                continue
            yield Case("operator", "{{ a " + operator + " b }}", {"a": a, "b": b})
    pieces = sorted(set(EXPRESSIONS.split("|")) | {"range(3)|list", "range(1, 9, 3)|list", "undefinedthing|list", "x|length + 1",
                                                   "[1,2]|first + 1", "'a' ~ 'b'|upper", "-x|abs", "x|string|length", "1 + 1|string"})
    for source, value in itertools.product(pieces, VALUES):
        yield Case("expression", "{{ " + source + " }}", {"x": value})


def number(value):
    return value if isinstance(value, (int, float)) else 0


# ---- statements

def statements(dice, depth=0):
    """Random template text that uses a, b, c, ns and the loops' own variables."""
    return "".join(statement(dice, depth) for _ in range(dice.randint(1, 4)))


def in_loop(dice, depth):
    dice.loops += 1
    out = statements(dice, depth)
    dice.loops -= 1
    return out


def tag(dice, text, kinds=("{%", "{%-", "{%+")):
    return dice.choice(kinds) + " " + text + " " + dice.choice(["%}", "-%}", "%}", "+%}"])


def gap(dice):
    return dice.choice(["", " ", "\n", "\n\n", "  \n", " x ", "x\n  ", "\t", "y\r\n", "}", "{ ", "# ", "{" if dice.random() < 0.1 else "y"])


def value(dice):
    drawn = draw_value(dice)
    while drawn.startswith("loop") and not dice.loops and dice.random() < 0.95:
        drawn = draw_value(dice)
    return drawn


def draw_value(dice):
    return dice.choice(["a", "b", "c", "i", "ns.v", "1", "'s'", "a|length", "b[0]", "loop.index", "loop.index0", "loop.last",
                        "loop.first", "loop.length", "loop.revindex", "loop.previtem", "loop.nextitem", "c.k", "[1, 2]", "m(1)",
                        "m(a, q=2)", "m(*b)", "m(**c)", "m(*[1], **{'q': 3})", "w(a, *b, z=1)", "loop.changed(i)", "loop.depth", "'%s!' % a", "nothing", "a ~ i", "ns.v + 1", "loop.cycle('p', 'q')", "c.items()|list", "j", "k"])


def statement(dice, depth):
    draw = dice.randint(0, 15 if depth < 3 else 5)
    if draw <= 1:
        return gap(dice)
    if draw <= 4:
        return dice.choice(["{{", "{{-"]) + " " + value(dice) + " " + dice.choice(["}}", "-}}"]) + gap(dice)
    if draw == 5:
        return dice.choice(["{#", "{#-"]) + " note " + dice.choice(["#}", "-#}"]) + gap(dice)
    if draw == 6:
        return tag(dice, "set " + dice.choice(["a", "i", "j", "ns.v", "ns.w"]) + " = " + value(dice)) + gap(dice)
    if draw == 7:
        return tag(dice, "set j, k = [1, " + value(dice) + "]")
    if draw == 8:
        otherwise = tag(dice, dice.choice(["else", "elif " + value(dice)])) + statements(dice, depth + 1) if dice.random() < 0.5 else ""
        return (tag(dice, "if " + value(dice)) + gap(dice) + statements(dice, depth + 1) + otherwise + gap(dice) + tag(dice, "endif"))
    if draw <= 10:
        kind = dice.choice(["for i in b", "for i in range(3)", "for j in a", "for j, k in c.items()", "for i in b if i != 2",
                            "for i in c", "for i in []", "for i in b|reverse", "for i in nothing"])
        control = tag(dice, "if loop.index0 == 1") + tag(dice, dice.choice(["break", "continue"])) + tag(dice, "endif") if dice.random() < 0.3 else ""
        otherwise = tag(dice, "else") + statements(dice, depth + 1) if dice.random() < 0.3 else ""
        return tag(dice, kind) + gap(dice) + control + in_loop(dice, depth + 1) + otherwise + tag(dice, "endfor") + gap(dice)
    if draw == 11:
        return (tag(dice, dice.choice(["set a", "set j", "set a | upper"])) + statements(dice, depth + 1) + tag(dice, "endset"))
    if draw == 12:
        return tag(dice, "generation") + statements(dice, depth + 1) + tag(dice, "endgeneration") if dice.random() < 0.5 else \
            tag(dice, "filter upper") + statements(dice, depth + 1) + tag(dice, "endfilter")
    if draw == 13:
        call = tag(dice, dice.choice(["call m(1)", "call n(a)", "call(i) n(b)", "call(i, j=a) n(i)", "call(a) n(*b)", "call loop(i)"]))
        return call + statements(dice, depth + 1) + tag(dice, "endcall") + gap(dice)
    if draw == 14:
        again = "{% if i is sequence and i is not string %}{{ loop(i) }}{% endif %}" if dice.random() < 0.8 else ""
        return (tag(dice, dice.choice(["for i in t recursive", "for i in t if i != 4 recursive", "for i in b recursive"])) + gap(dice) + again +
                "{{ loop.depth0 }}" + in_loop(dice, depth + 1) + tag(dice, "endfor"))
    return dice.choice(["{% raw %}{{ a }} {% if %}{% endraw %}", "{%- raw -%} {{ {%- endraw -%} "]) + gap(dice)


def statement_cases(count, seed):
    dice = random.Random(f"{seed} statements")
    dice.loops = 0  # around what is being drawn
    head = "{% set ns = namespace(v=0) %}{% macro m(p, q='dq', k=0, l=0) %}<{{ p }},{{ q }}{{ i }}>{% endmacro %}"
    head += "{% macro n(p) %}[{{ p }}{{ caller(p) }}{{ caller(p) }}]{% endmacro %}"
    head += "{% macro w() %}{{ varargs }}{{ kwargs }}{% for i in varargs %}{{ i }}{% endfor %}{% endmacro %}"
    for _ in range(count):
        yield Case("statement", head + statements(dice), {"a": dice.choice(["", "xy", "中"]), "b": dice.choice([[], [1], [1, 2, 3]]),
                                                          "c": {"k": "v", "l": None}, "t": [1, [2, [3, 4]], [], [[5]]]})


# ---- the comparison

def ours(program, cases):
    process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    lines = [json.dumps({"template": case.source, "globals": case.variables, "now": NOW}) for case in cases]
    out, _ = process.communicate("\n".join(lines).encode() + b"\n")
    answers = [json.loads(line) for line in out.decode().split("\n")[:-1]]
    if process.returncode != 0 or len(answers) != len(cases):
        sys.exit(f"jinja_render stopped with {process.returncode} after {len(answers)} of {len(cases)} lines: {cases[len(answers)]!r}")
    return answers


def verdict(reference, mine):
    # An address is no value: what Python prints with one cannot be compared.
    if re.search(r" at 0x[0-9a-f]{6}", reference.get("text", "")):
        return None
    if reference.get("raised"):
        return "both raise" if reference["error"] == mine.get("error") else "different"
    if re.search("not supported|beyond 64 bits", mine.get("error", "")):
        return "not supported"
    if "text" in reference:
        return "same text" if reference == mine else "different"
    return "both refuse" if "error" in mine else "different"


def show(case, reference, mine):
    theirs, my = (str(answer.get("text", answer)) for answer in (reference, mine))
    same = next((i for i, (a, b) in enumerate(zip(theirs, my)) if a != b), min(len(theirs), len(my)))
    shown = repr(case.source) if len(case.source) < 4000 and case.name == "statement" or len(case.source) < 400 else ""
    print(f"DIFFERENT {case.name} {shown} with {json.dumps(case.variables, ensure_ascii=False)[:1000]}\n"
          f"  jinja2 {theirs[max(same - 100, 0):same + 200]!r}\n  ours   {my[max(same - 100, 0):same + 200]!r}")


def compare(given, cases, theirs):
    """How often what came of it, by case name."""
    totals = {}
    for case, mine in zip(cases, ours(given.render, cases)):
        counts = totals.setdefault(case.name, dict.fromkeys(("same text", "both raise", "both refuse", "not supported", "different"), 0))
        reference = case.reference or theirs.render(case.source, case.variables)
        outcome = verdict(reference, mine)
        if outcome:
            counts[outcome] += 1
        if outcome == "different" and counts[outcome] <= given.show:
            show(case, reference, mine)
    return totals


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--render", required=True)
    arguments.add_argument("--conversations", type=int, default=200)
    arguments.add_argument("--statements", type=int, default=20000)
    arguments.add_argument("--cache", type=pathlib.Path)
    arguments.add_argument("--templates", action="append", default=[])
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--show", type=int, default=5)
    arguments.add_argument("--name", default="", help="only templates whose name contains this")
    arguments.add_argument("--only", choices=["templates", "expressions", "statements"])
    given = arguments.parse_args()

    theirs = Theirs()
    totals, missing = {}, ""
    if given.only in (None, "templates"):
        templates = list(shipped([ROOT / "data/templates", *given.templates]))
        try:
            templates += collected.templates(given.cache) if given.cache else []
        except collected.Missing as error:
            missing = str(error)
        templates = [template for template in templates if given.name in template[0]]
        totals |= compare(given, list(template_cases(templates, given.conversations, given.seed, theirs)), theirs)
        equal = sum(counts["same text"] >= given.conversations and not counts["different"] for counts in totals.values())
        print(f"{equal} of {len(templates)} templates with {given.conversations} equal texts each")
    if given.only in (None, "expressions"):
        totals |= compare(given, list(expression_cases(given.seed)), theirs)
    if given.only in (None, "statements"):
        totals |= compare(given, list(statement_cases(given.statements, given.seed)), theirs)

    for name, counts in totals.items():
        print(f"{name:50} " + "  ".join(f"{key}: {count}" for key, count in counts.items()))
    print(f"{'total':50} " + "  ".join(f"{key}: {sum(c[key] for c in totals.values())}" for key in next(iter(totals.values()))))
    if any(counts["different"] for counts in totals.values()):
        return 1
    if missing:
        print(f"skipped: {missing}")
    return 77 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
