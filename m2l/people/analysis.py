"""Analyse the answers of the user study: checks, exclusions, reliability, effects.

The task. Answers come as the instrument stores them and are joined with the design that they were
given under. Persons and trials are left out by the rules that the design carries. Three kinds of
evidence follow: how often the matched picture is chosen over a shuffled one (`matched`), how far a
person's rating of a picture lies from that person's rating of its song (`distances`), and which
system wins when two are compared (`strengths`).

Conventions
-----------
Persons and songs are both samples: estimates are sums of the influences of single answers, whose
variance is clustered by persons and by songs at once; their ratio is referred to Student's t with
as many degrees of freedom as the fewer of the two, less one. [low, high] are 95 % intervals for
songs in general, tests are two-sided. Tables of simulated answers say so in a column.

References
----------
Cameron, Gelbach and Miller 2011, "Robust inference with multiway clustering", Journal of Business
& Economic Statistics 29(2), 238–249.
Judd, Westfall and Kenny 2012, "Treating stimuli as a random factor in social psychology", Journal
of Personality and Social Psychology 103(1), 54–69.
Bradley and Terry 1952, "Rank analysis of incomplete block designs", Biometrika 39, 324–345.
Shrout and Fleiss 1979, "Intraclass correlations", Psychological Bulletin 86(2), 420–428.
"""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit
from scipy.stats import t as student

from m2l.doors import outputs, tables
from m2l.errors import InputError
from m2l.people import design as study
from m2l.people.design import COMPARED, DIMENSIONS, HYPOTHESES, MATCHED, SYSTEMS
from m2l.stats import holm

log = logging.getLogger(__name__)

OUTCOMES = ("distance", *DIMENSIONS)
_GIVEN = (*DIMENSIONS, "choice", "ms", "heard")
_INDEX = pd.Index(SYSTEMS, name="system")


def join(table, answers):
    """Join answers with the trials of their design.

    Parameters
    ----------
    table : DataFrame, the design's `m2l.people.design.trials`.
    answers : DataFrame with at least the columns participant, trial, valence, arousal, choice, ms
        and heard.

    Returns
    -------
    DataFrame, the trials of everyone who answered at least one, with the answers' columns,
    answered (bool) and simulated (bool, the same in all rows).

    Raises
    ------
    InputError
        With the line of an answer that is none, is given twice or belongs to another design.
    """
    key = ["participant", "trial"]
    if missing := [name for name in (*key, *_GIVEN) if name not in answers]:
        raise InputError(
            f"answers: no column {', '.join(missing)}; there should be {', '.join(study.ANSWERS)}"
        )
    if answers.empty:
        raise InputError("answers: none; give those of at least two participants")
    # Lines as a reader of the CSV counts them, below the names of the columns.
    answers = answers.reset_index(drop=True)
    both = answers[key].merge(table, on=key, how="left")
    for column in (*DIMENSIONS, "ms", "heard"):
        answers[column] = tables.numbers(answers[column])
    chosen = both["kind"] == "choose"
    faults = {
        "no such participant in the design; is it that of these answers?": ~answers[
            "participant"
        ].isin(table["participant"]),
        "no such trial for this participant in the design": both["kind"].isna(),
        "answered twice; keep one of the lines": answers.duplicated(key),
    }
    for column in answers.columns.intersection(["kind", "image", "left", "right"]):
        other = answers[column].notna() & (answers[column] != both[column])
        faults[f"{column} is not the design's; wrong files?"] = other
    for d in DIMENSIONS:
        faults[f"{d} is no rating from 1 to 9"] = ~chosen & ~answers[d].between(1, 9)
    faults["choice is neither left nor right"] = chosen & ~answers["choice"].isin(["left", "right"])
    faults["ms is no time; give milliseconds"] = ~answers["ms"].between(0, 1e12)
    for what, bad in faults.items():
        if bad.any():
            row = answers[bad].iloc[0]
            more = f" ({bad.sum()} such lines)" if bad.sum() > 1 else ""
            raise InputError(
                f"answers, line {row.name + 2}: participant {row['participant']}, trial "
                f"{row['trial']}: {what}{more}"
            )
    simulated = answers.get("simulated", pd.Series(False)).astype(str).str.lower()
    started = table[table["participant"].isin(answers["participant"])]
    joined = started.merge(answers[[*key, *_GIVEN]], on=key, how="left")
    answered = joined["choice"].notna() | joined["valence"].notna()
    return joined.assign(answered=answered, simulated=bool(simulated.isin(["true", "1"]).any()))


def exclude(table, rules):
    """Leave out persons and trials by the rules.

    Parameters
    ----------
    table : DataFrame, from `join`; rules : dict, those of the design.

    Returns
    -------
    kept : DataFrame, answered trials that count, without checks.
    persons : DataFrame indexed by participant: what the rules look at, excluded and reason.
    dropped : dict of reason to number of single answers left out of those who stay.

    Raises
    ------
    InputError
        If fewer than two persons are left.
    """
    real = table["kind"] != "check"
    fast = real & (table["ms"] < table["kind"].map(rules["fast_ms"]))
    # Half a second is what a browser's clock may fall short by.
    least = np.minimum(table["kind"].map(rules["heard_s"]), table["seconds"] - 0.5)
    unheard = least.notna() & ~(table["heard"] >= least)
    missed = np.max(
        [(table[d] - table[f"ask_{d}"].astype(float)).abs() for d in DIMENSIONS], axis=0
    )
    # A check that was not answered was not passed either.
    failed = ~real & ~(missed <= rules["tolerance"])
    rated = table[table["kind"].isin(["rate_image", "rate_song"])]
    flat = rated.groupby(["participant", "kind"])[list(DIMENSIONS)].std().max(axis=1)
    flags = table.assign(fast=fast, failed=failed)[["participant", "answered", "fast", "failed"]]
    persons = flags.groupby("participant", sort=False).agg(
        answered=("answered", "mean"), fast=("fast", "mean"), failed_checks=("failed", "sum")
    )
    persons["least_sd"] = flat.groupby("participant").min()
    reasons = {
        "incomplete": persons["answered"] < rules["answered"],
        "failed checks": persons["failed_checks"] >= rules["failed_checks"],
        "too fast": persons["fast"] > rules["fast_share"],
        "flat ratings": persons["least_sd"] < rules["flat_sd"],
    }
    # The first that holds is the one given.
    persons["reason"] = np.select(list(reasons.values()), list(reasons), "")
    persons["excluded"] = persons["reason"] != ""
    if (left := (~persons["excluded"]).sum()) < 2:
        why = persons.loc[persons["excluded"], "reason"].value_counts()
        raise InputError(
            f"answers: {left} of {len(persons)} participants left after the exclusions "
            f"({', '.join(f'{n} {name}' for name, n in why.items())}); two are needed"
        )
    stay = table["participant"].map(~persons["excluded"]) & real & table["answered"]
    dropped = {
        "too fast": int((stay & fast).sum()),
        "song not heard": int((stay & ~fast & unheard).sum()),
    }
    return table[stay & ~fast & ~unheard].copy(), persons, dropped


def compared(kept):
    """Image ratings beside the same person's rating of the song, and how far they lie apart.

    Returns
    -------
    DataFrame: participant, song, system, valence, arousal (absolute differences), distance (in the
    plane). Pictures whose song the person did not rate are left out.
    """
    images, songs = (kept[kept["kind"] == kind] for kind in ("rate_image", "rate_song"))
    both = images.merge(
        songs[["participant", "song", *DIMENSIONS]], on=["participant", "song"], suffixes=("", "_s")
    )
    for d in DIMENSIONS:
        both[d] = (both[d] - both[f"{d}_s"]).abs()
    both["distance"] = np.hypot(both["valence"], both["arousal"])
    return both[["participant", "song", "system", *OUTCOMES]]


def standard_error(influence, person, song):
    """Standard error of sums of influences, clustered by persons and by songs.

    The variance of Cameron, Gelbach and Miller 2011, eq. 2.11; being a difference, it may fall
    below that of one clustering alone, which then stands in.

    Parameters
    ----------
    influence : ndarray (n, q), what each answer adds to the errors of q estimates.
    person, song : ndarray (n,) of int, from 0.

    Returns
    -------
    ndarray (q,)
    """
    people, songs = person.max() + 1, song.max() + 1

    def variance(codes, n):
        sums = np.stack([np.bincount(codes, column, n) for column in np.transpose(influence)])
        return (sums**2).sum(1)

    by_person, by_song = variance(person, people), variance(song, songs)
    both = by_person + by_song - variance(person * songs + song, people * songs)
    fewer = min(people, songs)
    return np.sqrt(np.maximum(np.maximum(by_person, by_song), both) * fewer / max(fewer - 1, 1))


def inference(estimate, error, freedom, null=0.0):
    """Interval and test of estimates: dict of low, high and p, NaN where nothing varies."""
    margin = student.ppf(0.975, freedom) * error
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * student.sf(np.abs(estimate - null) / error, freedom)
    return {"low": estimate - margin, "high": estimate + margin, "p": p}


def _codes(table):
    """Codes of the persons and songs of a table, and the degrees of freedom."""
    person, people = pd.factorize(table["participant"], sort=True)
    song, songs = pd.factorize(table["song"], sort=True)
    if min(len(people), len(songs)) < 2:
        raise InputError(
            f"answers: {len(people)} participants and {len(songs)} songs are left; two of each "
            "are needed"
        )
    return person, song, min(len(people), len(songs)) - 1


def _systems(table, column="system"):
    codes = pd.Categorical(table[column], SYSTEMS).codes
    lost = [s for i, s in enumerate(SYSTEMS) if not (codes == i).any()]
    if lost:
        raise InputError(f"answers: none left about the system {', '.join(lost)}")
    return codes


def means(value, system):
    """Means of a value by system (5,), and the influences of the answers on them (n, 5)."""
    belongs = system[:, None] == np.arange(len(SYSTEMS))
    count = belongs.sum(0)
    mean = (value[:, None] * belongs).sum(0) / count
    return mean, np.where(belongs, value[:, None] - mean, 0) / count


def matched(kept):
    """How often each system's matched picture is chosen, against chance.

    Returns
    -------
    DataFrame indexed by system: trials, mean, low, high, p and h (Cohen's effect size).
    """
    from statsmodels.stats.proportion import proportion_effectsize

    table = kept[(kept["kind"] == "choose") & (kept["contrast"] == MATCHED)]
    system, (person, song, freedom) = _systems(table, "left_system"), _codes(table)
    own_left = (table["left_song"] == table["song"]).to_numpy()
    right = (own_left == (table["choice"] == "left").to_numpy()).astype(float)
    mean, influence = means(right, system)
    found = inference(mean, standard_error(influence, person, song), freedom, 0.5)
    found |= {"low": np.maximum(found["low"], 0), "high": np.minimum(found["high"], 1)}
    size = {"h": proportion_effectsize(mean, 0.5)}
    return pd.DataFrame({"trials": np.bincount(system), "mean": mean} | found | size, index=_INDEX)


def bradley_terry(wins):
    """Strengths (5,), log odds against the full system, from wins (winner, loser)."""
    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.generalized_linear_model import GLM

    # A thousandth of a win each way keeps the strength of a system finite that won or lost all.
    winner, loser = np.nonzero(1 - np.eye(len(SYSTEMS)))
    x = (np.eye(len(SYSTEMS))[winner] - np.eye(len(SYSTEMS))[loser])[:, 1:]
    model = GLM(np.ones(len(x)), x, Binomial(), freq_weights=wins[winner, loser] + 1e-3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that one system always wins is no fault
        return np.r_[0.0, model.fit(maxiter=200).params]


def strengths(kept):
    """Bradley–Terry strengths of the systems from the choices between them.

    Returns
    -------
    DataFrame indexed by system: trials, mean (log odds against the full system), low, high, p and
    wins (estimated share of wins over the full system, whose own row is 0 with NaN).
    """
    table = kept[(kept["kind"] == "choose") & (kept["contrast"] != MATCHED)]
    left, right = (_systems(table, f"{side}_system") for side in ("left", "right"))
    first, (person, song, freedom) = (table["choice"] == "left").to_numpy(), _codes(table)
    winner, loser = np.where(first, left, right), np.where(first, right, left)
    count = len(SYSTEMS)
    wins = np.bincount(winner * count + loser, minlength=count**2).reshape(count, count)
    strength = bradley_terry(wins)
    # Influence of an answer on the strengths: the inverse information times its score.
    x = (np.eye(count)[winner] - np.eye(count)[loser])[:, 1:]
    expected = expit(strength[winner] - strength[loser])
    information = (x * (expected * (1 - expected))[:, None]).T @ x
    influence = ((1 - expected)[:, None] * x) @ np.linalg.pinv(information)
    error = np.r_[np.nan, standard_error(influence, person, song)]
    columns = {"trials": np.bincount(np.r_[left, right]), "mean": strength}
    columns |= inference(strength, error, freedom) | {"wins": expit(strength)}
    return pd.DataFrame(columns, index=_INDEX)


def distances(both, outcome="distance", mixed=True):
    """How much further each system's pictures are felt from their songs than the full system's.

    A linear mixed model of the distance, with the systems' means as fixed effects and crossed
    random intercepts of the person, the song and the picture. Where its likelihood does not
    converge, the picture's is left out, and at last the means of the answers are compared with
    clustered errors; both are named in the result.

    Parameters
    ----------
    both : DataFrame, from `compared`.
    outcome : one of `OUTCOMES`; mixed : False for the means at once.

    Returns
    -------
    DataFrame indexed by system: trials, mean, difference (from the full system), low, high and p
    (of the difference), d (the difference in standard deviations of a single answer) and model.
    """
    system, (person, song, freedom) = _systems(both), _codes(both)
    y, count = both[outcome].to_numpy(float), len(SYSTEMS)
    contrast = np.eye(count)[1:] - np.eye(count)[0]
    fitted = _mixed(both, y, _decks(person, song)) if mixed else None
    if fitted:
        mean, covariance, variances, model = fitted
        error = np.sqrt(np.diag(contrast @ covariance @ contrast.T))
        single = sum(variances.values())
    else:
        model, single = "clustered means", y.var(ddof=1)
        mean, influence = means(y, system)
        error = standard_error(influence @ contrast.T, person, song)
    difference = np.r_[np.nan, contrast @ mean]
    columns = {"trials": np.bincount(system), "mean": mean, "difference": difference}
    columns |= inference(difference, np.r_[np.nan, error], freedom)
    size = {"d": difference / np.sqrt(single) if single else np.nan, "model": model}
    return pd.DataFrame(columns | size, index=_INDEX)


def _mixed(both, y, deck):
    """Means, their covariance, variances and name of the first mixed model that converges.

    statsmodels nests random effects in groups. Here a group is all answers about one deck, and
    persons, songs and pictures are variance components within it, which makes them crossed; no
    person and no song belongs to two decks.
    """
    from statsmodels.regression.mixed_linear_model import MixedLM

    table = both.assign(y=y, deck=deck, picture=both["system"] + both["song"])
    table["system"] = pd.Categorical(table["system"], SYSTEMS)
    count = len(SYSTEMS)
    for names in (("participant", "song", "picture"), ("participant", "song")) if y.std() else ():
        # Numbered, as statsmodels puts them in the order of their names.
        parts = {f"{i} {name}": f"0 + {name}" for i, name in enumerate(names)}
        try:
            with warnings.catch_warnings():
                # A variance of zero lies on the boundary, and is a fair estimate. Gradients vanish
                # there, and BFGS and its kin stop early: Powell's method asks for none.
                warnings.simplefilter("ignore")
                model = MixedLM.from_formula("y ~ 0 + system", table, None, parts, groups="deck")
                fit = model.fit(reml=True, method="powell")
                covariance = np.asarray(fit.cov_params())[:count, :count]
        except (np.linalg.LinAlgError, ValueError):
            continue
        if fit.converged and (np.diag(covariance) > 0).all():  # False for NaN too
            variances = dict(zip((*names, "answer"), (*fit.vcomp, fit.scale), strict=True))
            return np.asarray(fit.fe_params), covariance, variances, f"mixed: {', '.join(names)}"
    log.warning("mixed model: no convergence; means with clustered errors instead")
    return None


def _decks(person, song):
    """Number of the deck of each answer: persons and songs that are joined by answers."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    people = person.max() + 1
    size = people + song.max() + 1
    edges = coo_array((np.ones(len(person)), (person, people + song)), (size, size))
    return connected_components(edges, directed=False)[1][person]


def reliability(kept, what="rate_song"):
    """How well persons agree about the songs or about the pictures.

    An item is rated by those who share its list: a deck of songs, or the pictures that a fifth of
    those with the same deck rate. ICC(2,k) and ICC(2,1) of Shrout and Fleiss (in pingouin:
    ICC(A,k), ICC(A,1)) are computed within lists, of those who rated all of it, and averaged, with
    the ends of their intervals; Krippendorff's α for interval data is computed over all.

    Returns
    -------
    DataFrame indexed by dimension: items, raters (of an item, mean), icc2k, low, high, icc21,
    alpha; NaN where too few persons rated the same items.
    """
    import krippendorff
    import pingouin

    table = kept[kept["kind"] == what]
    rows = {}
    for d in DIMENSIONS:
        wide = table.pivot(index="participant", columns=what.removeprefix("rate_"), values=d)
        found = []
        for part in _lists(wide):
            full = part.dropna()
            if len(full) < 2 or full.shape[1] < 3 or full.to_numpy().std() == 0:
                continue
            long = full.rename_axis(columns="item").stack().rename("rating").reset_index()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                icc = pingouin.intraclass_corr(long, "item", "participant", "rating")
            k, one = (icc.set_index("Type").loc[f"ICC(A,{n})"] for n in ("k", 1))
            found.append((k["ICC"], *k["CI95"], one["ICC"]))
        shared = wide.loc[:, wide.notna().sum() > 1].to_numpy()
        rows[d] = {
            "items": wide.shape[1],
            "raters": float(wide.notna().sum().mean()),
            **pd.DataFrame(found, columns=["icc2k", "low", "high", "icc21"], dtype=float).mean(),
            "alpha": krippendorff.alpha(shared, level_of_measurement="interval")
            if shared.size and np.nanstd(shared)
            else np.nan,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("dimension")


def _lists(wide):
    """Parts of a table of persons by items in which persons rated much the same items."""
    rest = wide
    while len(rest):
        first = rest.columns[rest.iloc[0].notna()]
        share = rest[first].notna().mean(axis=1)
        together = share > 0.5
        yield rest.loc[together, first]
        rest = rest[~together]


def side(kept):
    """How often the left picture is chosen: one row of trials, mean, low, high and p."""
    table = kept[kept["kind"] == "choose"]
    person, song, freedom = _codes(table)
    left = (table["choice"] == "left").to_numpy(float)
    error = standard_error((left - left.mean())[:, None] / len(left), person, song)
    found = {"trials": len(left), "mean": left.mean()} | inference(left.mean(), error, freedom, 0.5)
    return pd.DataFrame(found, index=pd.Index(["left"], name="side"))


def decide(choices, apart, strength, rules):
    """Test the hypotheses: estimates in the expected direction, and Holm's procedure.

    Parameters
    ----------
    choices, apart, strength : DataFrames from `matched`, `distances` and `strengths`; None where
        one could not be computed.
    rules : dict, those of the design: alpha, and confirmatory (names of hypotheses).

    Returns
    -------
    DataFrame indexed by hypothesis: estimate, low, high, p, adjusted, confirmatory and supported
    (adjusted p below alpha and the expected direction).
    """
    rows, three = [], list(COMPARED)
    for name, table, value, sign in (
        ("full", choices, "mean", 1),
        *((system, apart, "difference", 1) for system in three),
        *((system, strength, "mean", -1) for system in three),  # how much stronger the full one is
    ):
        found = [np.nan] * 4 if table is None else table.loc[name, [value, "low", "high", "p"]]
        estimate, low, high, p = map(float, found)
        rows.append((sign * estimate, *sorted((sign * low, sign * high)), p))
    index = pd.Index(list(HYPOTHESES), name="hypothesis")
    table = pd.DataFrame(rows, index, ["estimate", "low", "high", "p"])
    confirmatory = table.index.isin(rules["confirmatory"])
    # Holm's procedure within the confirmatory ones, and within the others.
    table["adjusted"] = table.groupby(confirmatory)["p"].transform(holm)
    table["confirmatory"] = confirmatory
    null = np.r_[0.5, np.zeros(6)]  # the estimates without an effect
    expected = table["estimate"].to_numpy() > null
    return table.assign(supported=(table["adjusted"] < rules["alpha"]) & expected)


def analyse(made, answers):
    """Everything: from a design and its answers to the tables of the report.

    A figure that these answers do not allow is left out, with the reason, and costs no other.

    Returns
    -------
    dict: simulated (bool), stand_ins (of the design), dropped, unknown (dict of a table's name to
    why it is missing), persons, and the tables of `CAPTIONS`, None where missing.
    """
    from tqdm import tqdm

    joined = join(study.trials(made), answers)
    kept, persons, dropped = exclude(joined, made["rules"])
    both, what = compared(kept), {"songs": "rate_song", "pictures": "rate_image"}
    work = {
        "matched": lambda: matched(kept),
        "strengths": lambda: strengths(kept),
        "distances": lambda: pd.concat(
            {o: distances(both, o, mixed=o == "distance") for o in OUTCOMES}, names=["outcome"]
        ),
        "reliability": lambda: pd.concat(
            {k: reliability(kept, kind) for k, kind in what.items()}, names=["of"]
        ),
        "side": lambda: side(kept),
    }
    tables, unknown = {"persons": persons}, {}
    for name, compute in tqdm(work.items(), "analysis", disable=None):
        try:
            tables[name] = compute()
        # What the libraries raise at too few answers, or at answers that do not vary.
        except (ValueError, ArithmeticError, AssertionError, LookupError) as error:
            tables[name], unknown[name] = None, str(error) or type(error).__name__
            log.warning("%s: not known, %s", name, unknown[name])
    apart = tables["distances"]
    apart = None if apart is None else apart.loc["distance"]
    tables["hypotheses"] = decide(tables["matched"], apart, tables["strengths"], made["rules"])
    simulated = bool(joined["simulated"].any())
    for table in tables.values():
        if table is not None:
            table["simulated"] = simulated
    told = {"simulated": simulated, "stand_ins": made.get("stand_ins", [])}
    return tables | told | {"dropped": dropped, "unknown": unknown}


CAPTIONS = {
    "hypotheses": "Tests of the hypotheses: estimates with 95 % intervals for songs in general, "
    "p-values before and after Holm's procedure, within the confirmatory and the exploratory ones.",
    "matched": "How often each system's matched picture is chosen over a shuffled one, with 95 % "
    "intervals for songs in general; p against one half.",
    "distances": "Distance between the ratings of picture and song, points of 1–9, and differences "
    "from the full system with 95 % intervals. d is in standard deviations of a single answer.",
    "strengths": "Bradley–Terry strengths of the systems, log odds against the full system, and "
    "estimated shares of wins over it.",
    "reliability": "Agreement of the participants: ICC(2,k), ICC(2,1) and Krippendorff's α.",
    "side": "How often the left picture is chosen; p against one half.",
}
FILES = ("report.md", "persons.csv", *(f"{name}.csv" for name in CAPTIONS))
_DRAWN = {  # figure: what its axis shows, what it is without an effect
    "matched": ("matched picture chosen", 0.5),
    "distances": ("further off than the full system, points of 1–9", 0),
    "strengths": ("strength against the full system, log odds", 0),
}


def draw(name, result, known=None):
    """A figure of a study: points with 95 % intervals for songs in general.

    Parameters
    ----------
    name : "matched", "distances" or "strengths" of a result of `analyse`.
    known : what was put into a simulation, from `m2l.people.simulation.truth`.
    """
    import matplotlib.pyplot as plt

    from m2l import figures

    label, null = _DRAWN[name]
    table, value = result[name], "mean"
    if name == "distances":
        table, value = table.loc["distance"].iloc[1:], "difference"
    figure, ax = plt.subplots(figsize=(5.4, 2.8))
    ax.axvline(null, color=figures.INK, ls="--", lw=1)
    figures.intervals(ax, table["low"], table[value], table["high"], table.index)
    if known is not None:
        put_in = known[name.removesuffix("s") if name != "matched" else name]
        put_in = put_in[table.index] - (put_in["full"] if name == "distances" else 0)
        ax.plot(put_in, range(len(table)), "D", mfc="none", color="C1", ms=8)
    ax.set_xlabel(label + " (simulated)" * result["simulated"])
    return figure


def write(result, folder):
    """Write what `analyse` found into a folder: tables (.csv), figures (.png) and report.md."""
    import matplotlib.pyplot as plt

    from m2l import figures

    folder, persons = Path(folder), result["persons"]
    folder.mkdir(parents=True, exist_ok=True)
    gone = persons.loc[persons["excluded"], "reason"].value_counts().to_dict()
    dropped = {name: n for name, n in result["dropped"].items() if n}

    def listed(counts):
        return "".join(f", {n} for {name}" for name, n in counts.items())

    lines = ["# User study: report"]
    if result["simulated"]:
        lines += ["**The answers are simulated. No person gave them.**"]
    if result["stand_ins"]:
        lines += [
            f"**Pictures of {', '.join(result['stand_ins'])} were stand-ins: nothing here speaks "
            "of these systems.**"
        ]
    lines += [
        f"{len(persons)} participants answered; {sum(gone.values())} were left out{listed(gone)}. "
        f"Of the rest, {sum(dropped.values())} single answers were dropped{listed(dropped)}.",
        "\n".join(f"- **{key}**: {text}" for key, text in HYPOTHESES.items()),
    ]
    for name in ("persons", *CAPTIONS):
        if result[name] is not None:
            with outputs.writing(folder / f"{name}.csv") as aside:
                result[name].to_csv(aside)
    for name, text in CAPTIONS.items():
        if result[name] is None:
            lines += [f"**{name}: not known.** {result['unknown'][name]}."]
            continue
        text = "Simulated answers, given by no person. " * result["simulated"] + text
        shown = result[name].drop(columns="simulated").reset_index().astype(object)
        lines += [shown.to_markdown(index=False, floatfmt=".3f"), f"*{text}*"]
        if name in _DRAWN:
            with plt.style.context(Path(figures.__file__).with_name("m2l.mplstyle")):
                # On white, for whatever it is put into.
                draw(name, result).savefig(
                    folder / f"{name}.png", dpi=200, facecolor="white", transparent=False
                )
                plt.close()
            lines += [f"![{text}]({name}.png)"]
    with outputs.writing(folder / "report.md") as aside:
        aside.write_text("\n\n".join(lines) + "\n", encoding="utf-8")
