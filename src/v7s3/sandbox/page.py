"""The page at `/`: every item with its pictures, loaded as an annotator's browser would load them.

The pictures come from the S3 server, another origin, with URLs signed by V7's key and `crossorigin="anonymous"`: they
show only when policy, object and CORS configuration all agree. Each `<img>` carries its state in `data-state`:
`loading`, `loaded` (drawn to a canvas, and readable there) or `blocked`. Videos play from their originals.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from v7s3.sandbox.serving import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from v7s3.sandbox.items import Item, Slot, Storage
    from v7s3.sandbox.processing import Objects

_MOST_ITEMS = 200
_MOST_FRAMES = 8
_SIGNED_FOR = 6 * 3600

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin: 0; } p { margin: .2rem 0 1.5rem; opacity: .75; }
main { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); }
article { border: 1px solid var(--line); border-radius: 10px; overflow: hidden; }
.pictures { background: var(--soft); display: flex; flex-wrap: wrap; gap: 2px; min-height: 9rem; }
figure { flex: 1 1 45%; margin: 0; position: relative; }
img, video { display: block; height: 9rem; object-fit: cover; width: 100%; }
img[data-state=blocked] { opacity: 0; }
figure:has(img[data-state=blocked]) { outline: 2px solid #c33; outline-offset: -2px; }
figure:has(img[data-state=blocked])::after { color: #c33; content: "blocked"; font-weight: 600; inset: 0;
  display: grid; place-items: center; position: absolute; }
footer { padding: .6rem .8rem; } footer b { overflow-wrap: anywhere; }
small { display: block; opacity: .7; overflow-wrap: anywhere; } .error { color: #c33; opacity: 1; }
"""

_SCRIPT = """
for (const img of document.querySelectorAll("img")) {
  const settle = () => {
    img.dataset.state = "blocked";
    if (img.naturalWidth) try {
      const canvas = Object.assign(document.createElement("canvas"), {width: 1, height: 1});
      const context = canvas.getContext("2d");
      context.drawImage(img, 0, 0, 1, 1);
      context.getImageData(0, 0, 1, 1);
      img.dataset.state = "loaded";
    } catch { }
    const all = [...document.images];
    const count = state => all.filter(one => one.dataset.state === state).length;
    document.body.dataset.loaded = count("loaded");
    document.body.dataset.blocked = count("blocked");
    if (!count("loading")) document.body.dataset.state = "settled";
    document.getElementById("tally").textContent =
      `${count("loaded")} of ${all.length} pictures loaded, ${count("blocked")} blocked`;
  };
  if (img.complete) settle(); else { img.onload = settle; img.onerror = settle; }
}
"""


def show(items: Sequence[Item], objects: Callable[[Storage], Objects | None], dataset: str = "") -> Response:
    """The page for all items, or those of one dataset."""
    shown = [item for item in items if dataset in ("", item.dataset.slug)]
    cards = "".join(_card(item, objects(item.storage)) for item in shown[:_MOST_ITEMS])
    more = f" (the first {_MOST_ITEMS} shown)" if len(shown) > _MOST_ITEMS else ""
    body = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Darwin sandbox</title>'
        f'<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,"><style>{_STYLE}</style>'
        f'</head><body data-state="loading" data-items="{len(shown)}"><h1>Darwin sandbox</h1>'
        f'<p>{len(shown)} items{more} · <span id="tally">no pictures</span></p>'
        f"<main>{cards}</main><script>{_SCRIPT}</script></body></html>"
    )
    return Response(200, body.encode(), {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store"})


def _card(item: Item, objects: Objects | None) -> str:
    pictures = "".join(_pictures(slot, objects) for slot in item.slots) if objects is not None else ""
    errors = [f"{slot.storage_key}: {slot.error['message']}" for slot in item.slots if slot.error] + item.problems
    notes = "".join(f'<small class="error">{escape(error)}</small>' for error in errors[:5])
    kinds = " + ".join(slot.kind for slot in item.slots)
    line = f"{escape(item.path)} · {escape(kinds)} · {item.processing_status}"
    return (
        f'<article data-item="{item.ident}" data-status="{item.processing_status}">'
        f'<div class="pictures">{pictures}</div>'
        f"<footer><b>{escape(item.name)}</b><small>{line}</small>{notes}</footer></article>"
    )


def _pictures(slot: Slot, objects: Objects) -> str:
    """The original of an image or a video; the thumbnail; of read-only videos and volumes the first frames."""
    shown = [("original", slot.storage_key)] if slot.kind == "image" and "sections" not in slot.sent else []
    thumbnail = slot.thumbnail_key()
    if thumbnail:
        shown.append(("thumbnail", thumbnail))
    shown += [("frame", key) for key in slot.frame_keys()[:_MOST_FRAMES]]
    figures = [
        f'<figure><img crossorigin="anonymous" data-state="loading" data-kind="{kind}" data-key="{escape(key)}" '
        f'alt="{kind}" src="{_source(objects, key)}"></figure>'
        for kind, key in shown
    ]
    if slot.kind == "video":
        source = _source(objects, slot.storage_key)
        figures.insert(0, f'<figure><video crossorigin="anonymous" controls muted src="{source}"></video></figure>')
    return "".join(figures)


def _source(objects: Objects, key: str) -> str:
    return escape(objects.signed(key, expires=_SIGNED_FOR))
