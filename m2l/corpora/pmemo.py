"""PMEmo: choruses of chart pop songs, rated for valence and arousal.

Conventions
-----------
The authors' static labels run from 0 to 1 and are mapped to 1–9 by 1 + 8x. The group is the
artist.
"""

from m2l.corpora._common import Card, build, data_root, first_file, read

CARD = Card(
    name="pmemo",
    title="PMEmo, popular music with emotional annotations (2019 version)",
    citation=(
        "Zhang, K., Zhang, H., Li, S., Yang, C., & Sun, L. (2018). The PMEmo dataset for music "
        "emotion recognition. Proceedings of the 2018 ACM International Conference on Multimedia "
        "Retrieval, 135–142. doi:10.1145/3206025.3206037"
    ),
    bibkey="zhang2018pmemo",
    licence="for research; the songs remain their owners'",
    where="https://github.com/HuiZhangDB/PMEmo: PMEmo2019.zip",
    layout="""\
music/PMEmo2019/
    annotations/static_annotations.csv
    metadata.csv
    chorus/<id>.mp3""",
    counts={"songs": 794, "songs with static labels": 767},
)


def load(root=None):
    """Load the static labels; see `m2l.corpora.load`.

    Extras: title, artist.
    """
    folder = data_root(root) / "music/PMEmo2019"
    source = folder / "annotations/static_annotations.csv"
    names = {"musicId": "id", "Valence(mean)": "valence", "Arousal(mean)": "arousal"}
    table = read(source, CARD, list(names))[list(names)].rename(columns=names)
    songs = read(folder / "metadata.csv", CARD, ["musicId", "title", "artist"])
    songs = songs.drop_duplicates("musicId").set_index("musicId")
    artist = table["id"].map(songs["artist"])
    table = table.assign(
        path=[first_file(folder / "chorus" / f"{i}.mp3") for i in table["id"]],
        group=artist.str.casefold(),
        label_source="rated",
        title=table["id"].map(songs["title"]),
        artist=artist,
    )
    return build(CARD, table, source, scale=(0, 1))
