"""OASIS: photos of many kinds, rated for valence and arousal by about a hundred people each.

Conventions
-----------
The authors' scale of 1–7 is mapped to 1–9 by 1 + (x − 1) · 8/6, the sd by 8/6. The group is the
theme without its number, so that "Lake 3" and "Lake 12" stay together.
"""

from m2l.corpora._common import Card, build, data_root, first_file, numbers, read

CARD = Card(
    name="oasis",
    title="OASIS, the open affective standardized image set",
    citation=(
        "Kurdi, B., Lozano, S., & Banaji, M. R. (2017). Introducing the Open Affective "
        "Standardized Image Set (OASIS). Behavior Research Methods, 49(2), 457–470. "
        "doi:10.3758/s13428-016-0715-3"
    ),
    bibkey="kurdi2017oasis",
    licence="free for research, online and offline",
    where="https://osf.io/6pnd7/",
    layout="""\
images/OASIS/
    OASIS.csv
    images/<Theme>.jpg""",
    counts={"photos": 900},
)


def load(root=None):
    """Load the mean ratings; see `m2l.corpora.load`.

    Extras: category, theme, valence_n and arousal_n (how many rated it; NaN where unknown).
    """
    folder = data_root(root) / "images/OASIS"
    source = folder / "OASIS.csv"
    names = {
        "Theme": "theme",
        "Category": "category",
        "Valence_mean": "valence",
        "Valence_SD": "valence_sd",
        "Arousal_mean": "arousal",
        "Arousal_SD": "arousal_sd",
    }
    counts = {"Valence_N": "valence_n", "Arousal_N": "arousal_n"}
    table = read(source, CARD, list(names)).reindex(columns=[*names, *counts])
    table = table.rename(columns=names | counts)
    theme = table["theme"]
    table = table.assign(
        id=theme,
        path=[first_file(*(folder / i / f"{t}.jpg" for i in ("images", "Images"))) for t in theme],
        group=theme.str.replace(r"\s*\d+$", "", regex=True),
        label_source="rated",
        **{name: numbers(table[name]) for name in counts.values()},
    )
    return build(CARD, table, source, scale=(1, 7))
