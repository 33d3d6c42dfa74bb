# SPDX-License-Identifier: GPL-2.0
"""Bar charts as SVG: one bar for each size and mode."""

from html import escape

WIDTH, HEIGHT = 720, 360
LEFT, RIGHT, TOP, BOTTOM = 80, 20, 60, 40
# Series take these in turn, also series that a chart leaves out
COLOURS = ("#0b6e4f", "#6bbf8a", "#1f77b4", "#85c1e9", "#9aa5b1", "#c0392b",
           "#e59866", "#34495e")


def steps(most):
    """Round numbers; the last one is not less than the largest value."""
    unit = 1.0
    while most > 10 * unit:
        unit *= 10
    while most < unit:
        unit /= 10
    step = next(s * unit for s in (0.2, 0.5, 1, 2) if most <= 5 * s * unit or
                s == 2)
    return [i * step for i in range(int(most / step) + 2)]


def text(x, y, what, anchor="middle", size=12):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" '
            f'font-size="{size}">{escape(what)}</text>')


def rect(x, y, width, height, colour, title=""):
    return (f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
            f'height="{height:.1f}" fill="{colour}">'
            f'<title>{escape(title)}</title></rect>')


def bars(title, groups, series):
    """Returns an SVG. groups: names; series: (name, a value or None for each group).

    A series without any value is left out, and its colour is not used.
    """
    series = [(name, COLOURS[i % len(COLOURS)], values)
              for i, (name, values) in enumerate(series)
              if any(v is not None for v in values)]
    marks = steps(max(v for *_, values in series for v in values
                      if v is not None) or 1)
    scale = (HEIGHT - TOP - BOTTOM) / marks[-1]
    floor = HEIGHT - BOTTOM
    group_width = (WIDTH - LEFT - RIGHT) / len(groups)
    bar = group_width * 0.8 / len(series)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" '
           f'height="{HEIGHT}" font-family="sans-serif">',
           rect(0, 0, WIDTH, HEIGHT, "white"), text(WIDTH / 2, 20, title, size=15)]
    for mark in marks:
        y = floor - mark * scale
        out += [rect(LEFT, y, WIDTH - LEFT - RIGHT, 0.5, "#ccc"),
                text(LEFT - 6, y + 4, f"{mark:,.10g}", "end", 11)]
    for i, (name, colour, values) in enumerate(series):
        x = LEFT + i * (WIDTH - LEFT - RIGHT) / len(series)
        out += [rect(x, 32, 10, 10, colour), text(x + 14, 41, name, "start", 11)]
        for g, value in enumerate(values):
            if value is None:
                continue
            high = max(value * scale, 0)
            out.append(rect(LEFT + (g + 0.1) * group_width + i * bar,
                            floor - high, bar * 0.92, high, colour,
                            f"{name}: {value:,.1f}"))
    for g, name in enumerate(groups):
        out.append(text(LEFT + (g + 0.5) * group_width, floor + 18, name))
    return "\n".join([*out, "</svg>", ""])
