"""4Q-TAFFC: clips of about 30 s in the four quadrants of valence and arousal.

Conventions
-----------
Valence and arousal are derived, not rated: each is the median, over the expert mood tags of the
song, of the word's norm on the 1–9 scale (Warriner et al. 2013). The quadrant is the authors'
own label. The group is the artist.
"""

from m2l.corpora._common import Card, build, data_root, first_file, numbers, read

CARD = Card(
    name="taffc",
    title="4Q-TAFFC, the four-quadrant audio emotion data set",
    citation=(
        "Panda, R., Malheiro, R., & Paiva, R. P. (2018). Novel audio features for music emotion "
        "recognition. IEEE Transactions on Affective Computing, 11(4), 614–626. "
        "doi:10.1109/TAFFC.2018.2820691. Valence and arousal are not ratings of the clip: they "
        "are the median norm over the song's mood tags, the norms from Warriner, A. B., "
        "Kuperman, V., & Brysbaert, M. (2013), doi:10.3758/s13428-012-0314-x"
    ),
    bibkey="panda2020novel",
    licence="for research; the clips remain their owners'",
    where="http://mir.dei.uc.pt/downloads.html: 4Q audio emotion data set, plus the derived labels",
    layout="""\
music/4Q-TAFFC/
    annotations.csv (song, artist, title, quadrant, n_tags, valence, arousal)
    audio/<quadrant>/<song>.ogg, .mp3 or .wav""",
    counts={"clips": 900, "clips per quadrant": 225},
)


def load(root=None):
    """Load the quadrants and the labels derived from the mood tags; see `m2l.corpora.load`.

    Extras: quadrant ("Q1" to "Q4"), artist, title, n_tags (tags that the median is over).
    """
    folder = data_root(root) / "music/4Q-TAFFC"
    source = folder / "annotations.csv"
    columns = ["song", "valence", "arousal", "quadrant", "artist", "title", "n_tags"]
    table = read(source, CARD, columns)[columns].rename(columns={"song": "id"})
    table = table.assign(
        path=[
            first_file(*(folder / f"audio/{quadrant}/{i}{end}" for end in (".ogg", ".mp3", ".wav")))
            for i, quadrant in zip(table["id"], table["quadrant"], strict=True)
        ],
        group=table["artist"].str.casefold(),
        n_tags=numbers(table["n_tags"]),
        label_source="derived",
    )
    notes = ["labels derived: the median norm over the song's mood tags, not ratings of the clip"]
    return build(CARD, table, source, notes=notes)
