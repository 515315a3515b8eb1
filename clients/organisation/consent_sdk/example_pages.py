"""The pages of the example site: one page that shows where the story stands. Everything shown is escaped."""

from html import escape
from typing import Any
from urllib.parse import urlsplit

from .example_visit import Plan, Visit
from .note import read_proof, unverified_origin

_SOURCES = {"brp": "Basisregistratie Personen", "income": "inkomensgegevens", "self": "uzelf"}


def page(plan: Plan, visit: Visit) -> str:
    """The page for *visit* as HTML."""
    parts = [_received(plan, visit)] if visit.disclosure is not None else [_question(plan, visit)]
    if visit.lines:
        rows = "".join(f'<li class="{escape(line.kind)}">{escape(line.text)}</li>' for line in visit.lines)
        parts.append(f'<section><h2>Wat er gebeurde</h2><ul class="lines">{rows}</ul></section>')
    title = escape(plan.name)
    return (
        '<!doctype html><html lang="nl"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{title}</title><link rel="stylesheet" href="/style.css"></head><body>'
        f'<header><p class="brand">{title}</p><p class="note">Voorbeeldsite. Alles hier is verzonnen.</p></header>'
        f"<main>{''.join(parts)}</main></body></html>"
    )


def _question(plan: Plan, visit: Visit) -> str:
    names = "".join(f"<li>{escape(words)}</li>" for words in plan.attributes.values())
    again = ""
    if visit.arrangement is not None:
        again = _button("/fetch", "Vraag opnieuw op", visit, kind="second", name="fetch-again")
    host = escape(urlsplit(plan.issuer).netloc)
    return (
        "<section><h1>Uw aanvraag</h1>"
        "<p>Wij hebben een paar gegevens van u nodig. U kiest zelf welke u deelt.</p>"
        f'<ul class="names">{names}</ul>'
        f"<p>U gaat nu naar <strong>{host}</strong>. Daar ziet u wat wij krijgen, en waarvoor.</p>"
        f'<div class="buttons">{_button("/ask", "Vraag mijn gegevens op", visit, name="ask")}{again}</div>'
        "</section>"
    )


def _received(plan: Plan, visit: Visit) -> str:
    assert visit.disclosure is not None
    rows = "".join(
        f"<div><dt>{escape(plan.attributes.get(name, name))}</dt>"
        f'<dd data-attribute="{escape(name)}">{escape(_show(got.value))}'
        f"<small>Bron: {escape(_SOURCES.get(got.source, got.source))}{_as_of(got.as_of)}</small></dd></div>"
        for name, got in visit.disclosure.values.items()
    )
    because = ""
    if visit.use is not None:
        because = (
            f'<section class="because"><p class="because-text">{escape(visit.use.because.get("nl", ""))}</p>'
            f'<p><a href="{escape(visit.use.link)}">Waarom zie ik dit?</a></p></section>'
        )
    proof = read_proof(visit.disclosure.proof)
    origin, size = unverified_origin(proof.note), proof.note.split("\n")[1]
    return (
        "<section><h1>Dank u wel</h1><p>Dit hebben wij van u gekregen.</p>"
        f'<dl class="values">{rows}</dl>'
        '<p class="seal"><span aria-hidden="true">✓</span> Bewijs gecontroleerd</p>'
        f"<p>Regel {proof.index} van het openbare logboek {escape(origin)}. Het logboek telt {escape(size)} regels. "
        "Onafhankelijke getuigen hebben nog niet getekend.</p></section>"
        f"{because}"
        f'<div class="buttons">{_button("/fetch", "Vraag opnieuw op", visit, name="fetch-again")}'
        f"{_button('/forget', 'Begin opnieuw', visit, kind='second', name='forget')}</div>"
    )


def _button(path: str, label: str, visit: Visit, *, name: str, kind: str = "first") -> str:
    return (
        f'<form method="post" action="{path}" id="{name}"><input type="hidden" name="token" '
        f'value="{escape(visit.token)}"><button class="{kind}">{escape(label)}</button></form>'
    )


def _as_of(as_of: str | int | None) -> str:
    return f", {escape(as_of)}" if isinstance(as_of, str) else ""


def _show(value: Any) -> str:
    if isinstance(value, bool):
        return "ja" if value else "nee"
    if isinstance(value, list):
        return ", ".join(_show(one) for one in value)
    return str(value)


STYLE = """
:root { color-scheme: light dark; --ink: #1d2330; --soft: #5a6273; --paper: #fff; --ground: #f3f1ec;
  --line: #d9d5cb; --accent: #7a3e12; --on-accent: #fff; --yes: #1c6b3c; --no: #a02318; }
@media (prefers-color-scheme: dark) { :root { --ink: #ece9e2; --soft: #a9afbd; --paper: #20242e;
  --ground: #161920; --line: #3a404e; --accent: #e9a671; --on-accent: #1d1208; --yes: #7fd3a0; --no: #ff9d92; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 1.0625rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
header, main { max-width: 40rem; margin: 0 auto; padding: 1.25rem; }
header { display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; align-items: baseline; justify-content: space-between; }
.brand { margin: 0; font-size: 1.25rem; font-weight: 700; }
.note, small { color: var(--soft); font-size: .9375rem; } .note { margin: 0; }
section { background: var(--paper); border: 1px solid var(--line); border-radius: .75rem; padding: 1.5rem;
  margin: 0 0 1.25rem; }
h1 { margin: 0 0 .5rem; font-size: 1.75rem; line-height: 1.2; } h2 { margin: 0 0 .5rem; font-size: 1.125rem; }
p { margin: 0 0 .75rem; } section > :last-child { margin-bottom: 0; }
.names { padding-left: 1.25rem; } .values { margin: 1rem 0; }
.values div { padding: .75rem 0; border-top: 1px solid var(--line); } dt { color: var(--soft); }
dd { margin: 0; font-size: 1.1875rem; font-weight: 600; overflow-wrap: anywhere; }
dd small { display: block; font-weight: 400; }
.seal { color: var(--yes); font-weight: 700; } .because { border-left: .375rem solid var(--accent); }
.because-text { font-size: 1.125rem; } a { color: var(--accent); }
.buttons { display: flex; flex-wrap: wrap; gap: .75rem; margin: 0 0 1.25rem; }
button { font: inherit; font-weight: 600; min-height: 2.75rem; padding: .625rem 1.25rem; border-radius: .5rem;
  border: 2px solid var(--accent); background: var(--accent); color: var(--on-accent); cursor: pointer; }
button.second { background: transparent; color: var(--accent); }
:focus-visible { outline: 3px solid var(--ink); outline-offset: 3px; }
.lines { list-style: none; margin: 0; padding: 0; } .lines li { padding: .5rem 0 .5rem .875rem;
  border-left: .25rem solid var(--yes); margin: .5rem 0; } .lines .no { border-color: var(--no); color: var(--no); }
"""
