# SPDX-License-Identifier: Apache-2.0
"""plot: plain SVG, by hand: bars on a logarithmic scale, and lines over time."""
import math
from html import escape

COLOURS = {"mansio": "#2563ab", "dovecot": "#d08a2e", "cyrus": "#6f8f4e"}
STYLE = ("<style>text{font:12px sans-serif;fill:#333}.t{font-size:14px;font-weight:bold}.s{fill:#777;font-size:11px}"
         ".g{stroke:#ddd}.a{stroke:#999;fill:none}@media(prefers-color-scheme:dark){text{fill:#ddd}.s{fill:#aaa}.g{stroke:#444}}</style>")
LEFT, BAR, GAP, WIDTH = 330, 11, 12, 980


def number(v):
    if v >= 100:
        return f"{v:,.0f}"
    return f"{v:.1f}" if v >= 10 else f"{v:.2f}"


def document(width, height, parts):
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">{STYLE}\n'
            + "\n".join(parts) + "\n</svg>\n")


def text(x, y, words, cls="", anchor="start"):
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{cls}" text-anchor="{anchor}">{escape(words)}</text>'


def bars(title, rows, titles):
    """ROWS: [(name, unit, {server: value})]. One logarithmic axis of its own for all of them: shorter is better."""
    values = [v for _, _, cells in rows for v in cells.values() if v and v > 0]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    if low == high:
        high += 1
    scale = (WIDTH - LEFT - 90) / (high - low)
    at = lambda v: LEFT + (math.log10(v) - low) * scale if v > 0 else LEFT      # noqa: E731
    parts, y = [text(10, 20, title, "t")], 48
    for i, (key, label) in enumerate(titles.items()):
        parts.append(f'<rect x="{LEFT + i * 150}" y="30" width="10" height="10" fill="{COLOURS[key]}"/>' + text(LEFT + 15 + i * 150, 39, label))
    top = y
    for name, unit, cells in rows:
        parts.append(text(LEFT - 8, y + BAR * len(titles) / 2 + 4, name, "", "end"))
        for key in titles:
            value = cells.get(key)
            if value is not None:
                length = max(2, at(value) - LEFT)
                parts.append(f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR - 1}" fill="{COLOURS[key]}"/>'
                             + text(LEFT + length + 4, y + BAR - 2, f"{number(value)} {unit}", "s"))
            y += BAR
        y += GAP
    for power in range(low, high + 1):
        x = LEFT + (power - low) * scale
        parts.insert(1, f'<line class="g" x1="{x:.1f}" y1="{top - 4}" x2="{x:.1f}" y2="{y}"/>' + text(x, y + 14, f"{10.0 ** power:g}", "s", "middle"))
    return document(WIDTH, y + 24, parts)


def lines(title, panels, minutes):
    """PANELS: [(name, [(t, value)], limit or None)] below each other over the same time axis, in minutes."""
    width, high, gap = 900, 110, 44
    parts, y = [text(10, 20, title, "t")], 46
    for name, points, limit in panels:
        top = max([v for _, v in points] + ([limit] if limit else [])) * 1.1 or 1
        x_of = lambda t: 70 + t / max(minutes, 0.01) * (width - 90)     # noqa: E731
        y_of = lambda v, y=y, top=top: y + high - v / top * high        # noqa: E731
        parts.append(text(70, y - 6, name))
        for share in (0, 0.5, 1):
            v = top * share
            parts.append(f'<line class="g" x1="70" y1="{y_of(v):.1f}" x2="{width - 20}" y2="{y_of(v):.1f}"/>' + text(64, y_of(v) + 4, number(v), "s", "end"))
        if limit:
            parts.append(f'<line x1="70" y1="{y_of(limit):.1f}" x2="{width - 20}" y2="{y_of(limit):.1f}" stroke="#b33" stroke-dasharray="4 3"/>')
        path = " ".join(f"{x_of(t):.1f},{y_of(v):.1f}" for t, v in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{COLOURS["mansio"]}" stroke-width="1.3"/>')
        y += high + gap
    step = max(1, round(minutes / 12))
    for m in range(0, int(minutes) + 1, step):
        parts.append(text(70 + m / max(minutes, 0.01) * (width - 90), y - gap + 16, f"{m} min", "s", "middle"))
    return document(width, y, parts)
