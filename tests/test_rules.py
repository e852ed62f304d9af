"""The catalogue is complete, readable at 80 columns, and found by code, name and prefix."""

import dataclasses
import math
import re

import pytest

from elbocheck.errors import UsageError
from elbocheck.rules import RULES, Rule, Severity, matching, rule

EXPECTED = {
    "ELB0": "001 002 003 004 005 006 007 008",
    "ELB1": "101 102 103 104 105 106 107 108 109 110 111 112 114 115 116",
    "ELB2": "201 203 205 206 207 208 209 210 211 212 213 215 216 217",
    "ELB3": "304 305 306 307 308",
    "ELB4": "401 402 403 404 405 406 407 408 409 410 411 412 413 417 418",
    "ELB5": "501 502 503 504 505 507 509 510",
    "ELB6": "601 602",
    "ELB8": "803",
}
EVERY_RULE = pytest.mark.parametrize("entry", RULES, ids=lambda entry: entry.code)


def test_catalogue_is_exactly_the_planned_one() -> None:
    """No rule is missing and none has slipped in, and they stand sorted by code."""
    planned = [f"ELB{number}" for numbers in EXPECTED.values() for number in numbers.split()]
    assert [entry.code for entry in RULES] == planned == sorted(planned)


def test_codes_and_names_are_unique() -> None:
    """A code or a name belongs to one rule only, and no name can be mistaken for a code."""
    assert len({entry.code for entry in RULES}) == len(RULES)
    assert len({entry.name for entry in RULES}) == len(RULES)
    assert not any(entry.name.startswith("elb0") for entry in RULES)


@EVERY_RULE
def test_every_field_is_filled(entry: Rule) -> None:
    """Each text is there, each sentence of the summary ends, each severity is named once."""
    for field in dataclasses.fields(entry):
        assert getattr(entry, field.name), field.name
    assert re.fullmatch(r"ELB\d{3}", entry.code)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", entry.name)
    assert entry.summary.endswith(".")
    assert "\n" not in entry.summary + entry.why + entry.signature + entry.reference
    assert len(set(entry.severities)) == len(entry.severities)


@EVERY_RULE
def test_page_fits_eighty_columns(entry: Rule) -> None:
    """No line of a page is wider than 80 columns, padded, or beyond ASCII."""
    page = entry.page()
    assert page.isascii()
    assert page.endswith("\n")
    assert all(len(line) <= 80 and line == line.rstrip() for line in page.splitlines())


@EVERY_RULE
def test_page_holds_every_word_in_order(entry: Rule) -> None:
    """Wrapping loses no word, and code lines stay whole."""
    words = entry.page().split()
    for text in (entry.summary, entry.why, entry.signature, entry.fix, entry.reference):
        wanted = text.split()
        assert any(words[start : start + len(wanted)] == wanted for start in range(len(words)))
    for line in entry.fix.splitlines():
        if line.startswith(" "):
            assert f"\n  {line}\n" in entry.page()


@EVERY_RULE
def test_pages_mention_only_rules_that_exist(entry: Rule) -> None:
    """A page that sends the reader to another rule sends them to one they can open."""
    assert set(re.findall(r"ELB\d{3}", entry.page())) <= {known.code for known in RULES}


def test_page_has_its_sections_in_order() -> None:
    """A page starts with code, name and cost, then answers the five questions."""
    lines = rule("ELB502").page().splitlines()
    assert lines[0] == "ELB502  log-zero-or-clamp"
    assert lines[2] == f"  N  {Severity.N.description}"
    titles = [line for line in lines if line and line == line.upper() and not line.startswith((" ", "ELB"))]
    assert titles == ["WHAT", "WHY IT MATTERS", "HOW IT IS TOLD APART", "WHAT TO DO", "REFERENCE"]


def test_prose_is_wrapped_and_code_is_not() -> None:
    """A long sentence is filled to the width while an indented line keeps its spaces."""
    entry = dataclasses.replace(rule("ELB101"), why="word " * 40 + "end.", fix="Write:\n    a  =  1\nor b.")
    assert max(map(len, entry.page().splitlines())) <= 80
    assert "\n  Write:\n      a  =  1\n  or b.\n" in entry.page()


def test_severity_order() -> None:
    """Invalid and unsafe rank above what moves or misleads, and those above the harmless."""
    ranks = [severity.rank for severity in (Severity.I, Severity.N, Severity.O, Severity.R, Severity.H)]
    assert ranks == [2, 2, 1, 1, 0]
    assert len({severity.description for severity in Severity}) == len(Severity)
    assert Severity("O") is Severity.O


@EVERY_RULE
def test_lookup_by_code_and_by_name(entry: Rule) -> None:
    """A rule is found by its code and by its name, in any case."""
    for spelling in (entry.code, entry.code.lower(), entry.name, entry.name.upper(), f" {entry.code} "):
        assert rule(spelling) is entry


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("ELB119", "ELB116"),
        ("elb2o1", "ELB201"),
        ("ELB9", "ELB803"),
        ("both-term-mean", "both-terms-mean"),
        ("KL_doubled", "kl-doubled"),
    ],
)
def test_unknown_rule_offers_the_closest_match(typed: str, meant: str) -> None:
    """A slip of the keyboard is shown as typed, with the nearest rule and what to type."""
    with pytest.raises(UsageError, match=f"{typed}.*did you mean {meant}.*such as"):
        rule(typed)


def test_nonsense_gets_the_remedy_without_a_guess() -> None:
    """Where nothing is close no guess is made, and the message still says what to type."""
    with pytest.raises(UsageError, match=r"'zzzzzz'; give a code") as caught:
        rule("zzzzzz")
    assert "did you mean" not in str(caught.value)


@pytest.mark.parametrize("prefix", EXPECTED)
def test_prefix_matches_its_hundred(prefix: str) -> None:
    """A prefix means every code that starts with it, in either case, and no other."""
    wanted = {f"ELB{number}" for number in EXPECTED[prefix].split()}
    assert matching([prefix]) == matching([prefix.lower()]) == wanted


def test_prefixes_add_up() -> None:
    """Several entries give the union; a whole code, a name and the common stem count as entries."""
    assert matching(["ELB80", "elb306", "kl-doubled"]) == {"ELB106", "ELB306", "ELB803"}
    assert matching(["ELB"]) == {entry.code for entry in RULES}
    assert matching([]) == frozenset()


@pytest.mark.parametrize("prefix", ["ELB9", "ELB1011", "E", "", " ", "kl-"])
def test_prefix_without_a_match_is_an_error(prefix: str) -> None:
    """An entry that selects nothing, or by accident everything, is refused and shown."""
    with pytest.raises(UsageError, match=f"{prefix!r} matches no rule.*such as"):
        matching(["ELB1", prefix])


def test_wrong_prefix_offers_a_close_match() -> None:
    """A mistyped entry of --select is answered with the code it resembles."""
    with pytest.raises(UsageError, match="did you mean recon-missing-half"):
        matching(["recon-mising-half"])


def test_a_bare_string_is_not_a_list_of_prefixes() -> None:
    """One string instead of a list is refused, or its letters would be taken for prefixes."""
    with pytest.raises(UsageError, match=r"\['ELB1'\]"):
        matching("ELB1")


def _stirling(count: int) -> float:
    """Return the approximation of log y! that torch takes, exact up to 1."""
    return count * math.log(count) - count + math.log(2 * math.pi * count) / 2 if count > 1 else 0.0


@pytest.mark.parametrize(
    ("code", "shown", "value"),
    [
        ("ELB101", "19.8", math.sqrt(784 / 2)),
        ("ELB102", "0.125", math.sqrt(1 / (2 * 32))),
        ("ELB103", "12.25", 784 / (2 * 32)),
        ("ELB107", "0.7071", math.sqrt(1 / 2)),
        ("ELB201", "0.193", -(2 - 1 - 2 * math.log(2)) / 2),
        ("ELB201", "0.077", -(0.5 - 1 + math.log(2) / 2) / 2),
        ("ELB209", "0.693", -(2 / 2 - 1 - math.log(2))),
        ("ELB401", "1.545", math.log(2 * math.atanh(0.98) / 0.98)),
        ("ELB401", "543", 784 * math.log(2)),
        ("ELB402", "0.3133", math.log1p(math.exp(-1))),
        ("ELB402", "1.3133", math.log1p(math.exp(1))),
        ("ELB402", "0.7311", 1 / (1 + math.exp(-1))),
        ("ELB405", "0.919", math.log(2 * math.pi) / 2),
        ("ELB405", "720.4", 784 * math.log(2 * math.pi) / 2),
        ("ELB409", "7.39", math.exp(-4 / 2) / math.exp(-4)),
        ("ELB410", "15.1", math.lgamma(11)),
        ("ELB410", "1.022", sum(math.exp(-3 + k * math.log(3) - _stirling(k)) for k in range(60))),
        ("ELB413", "5.545", math.log(256)),
        ("ELB501", "88.72", math.log((2 - 2**-23) * 2.0**127)),
        ("ELB501", "11.09", math.log(65504)),
        ("ELB501", "709.78", math.log((2 - 2**-52) * 2.0**1023)),
        ("ELB502", "27.63", -math.log(1e-12)),
        ("ELB502", "16.12", -math.log(1e-7)),
        ("ELB509", "0.444", math.log((2 - 2**-23) * 2.0**127) / 200),
    ],
)
def test_numbers_on_the_pages_are_right(code: str, shown: str, value: float) -> None:
    """A number that a page states is its formula's value, rounded to the digits shown."""
    decimals = len(shown.partition(".")[2])
    assert f"{value:.{decimals}f}" == shown
    assert re.search(rf"(?<![\d.]){re.escape(shown)}(?!\d)", rule(code).page())
