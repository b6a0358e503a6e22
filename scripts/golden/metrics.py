"""
What the scorers that papers use make of a few hundred small predictions, random and adversarial:

    PYTHONPATH=REFERENCE python scripts/golden/metrics.py > test/fixtures/task-metrics.json

Classification is scikit-learn's, correlation SciPy's, SQuAD 2.0 the port of the official evaluate-v2.0.py in
transformers.data.metrics.squad_metrics. REFERENCE is a directory with what those packages do not have:

    seqeval/                    seqeval, where it is not installed: https://github.com/chakki-works/seqeval at 052db9f (MIT)
    squad_official_eval_v1.py   SQuAD 1.1, mrqa_official_eval.py  MRQA, tagging_utils.py  spans:
                                finetune/qa/ and finetune/tagging/ of https://github.com/google-research/electra at ac8d487 (Apache 2.0)

NaN and the infinities are written as texts. Every case comes from one seed.
"""

import json
import math
import random
import sys
import types
import warnings

# The official files import these to find data, which is not done here.
for name in ("tensorflow", "tensorflow.compat", "tensorflow.compat.v1", "configure_finetuning"):
    sys.modules.setdefault(name, types.ModuleType(name))
sys.modules["configure_finetuning"].FinetuningConfig = object
sys.modules["tensorflow"].compat = sys.modules["tensorflow.compat"]
sys.modules["tensorflow.compat"].v1 = sys.modules["tensorflow.compat.v1"]

import mrqa_official_eval
import squad_official_eval_v1
import tagging_utils
from scipy.stats import pearsonr, spearmanr
from seqeval.metrics import sequence_labeling as seqeval
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef, mean_squared_error
from transformers.data.metrics import squad_metrics

warnings.simplefilter("ignore")
rng = random.Random(20260101)


def number(x):
    x = float(x)
    return str(x) if math.isnan(x) or math.isinf(x) else x


# ---------------------------------------------------------------- classes


def class_case(labels, predictions):
    return {
        "labels": labels,
        "predictions": predictions,
        "accuracy": number(accuracy_score(labels, predictions)),
        "matthews": number(matthews_corrcoef(labels, predictions)),
        "f1": number(f1_score(labels, predictions, labels=[1], average="macro", zero_division=0)),
        "microF1": number(f1_score(labels, predictions, average="micro", zero_division=0)),
        "macroF1": number(f1_score(labels, predictions, average="macro", zero_division=0)),
    }


def class_cases():
    yield from (class_case([a] * n, [b] * n) for n in (1, 2, 5) for a in (0, 1) for b in (0, 1))
    yield class_case([0, 1, 0, 1], [1, 1, 1, 1])
    yield class_case([1, 1, 1, 1], [0, 1, 0, 1])
    yield class_case([0, 1, 0, 1], [1, 0, 1, 0])
    yield class_case([0, 1, 2, 0, 1, 2], [2, 2, 2, 2, 2, 2])
    yield class_case([0] * 500 + [1], [0] * 500 + [1])
    yield class_case([0] * 500 + [1], [0] * 501)
    for _ in range(80):
        n, classes, error = rng.randint(1, 14), rng.randint(1, 4), rng.choice([0.1, 0.4, 1])
        labels = [rng.randrange(classes) for _ in range(n)]
        yield class_case(labels, [rng.randrange(classes) if rng.random() < error else y for y in labels])


# ---------------------------------------------------------------- numbers


def correlation(of, xs, ys):
    try:
        return number(of(xs, ys)[0])
    except ValueError:  # fewer than two pairs
        return "nan"


def number_case(labels, predictions):
    return {
        "labels": [number(x) for x in labels],
        "predictions": [number(y) for y in predictions],
        "pearson": correlation(pearsonr, labels, predictions),
        "spearman": correlation(spearmanr, labels, predictions),
        "mse": (
            number(mean_squared_error(labels, predictions))
            if all(math.isfinite(x) for x in labels + predictions)
            else None
        ),
    }


def number_cases():
    yield number_case([1.0], [2.0])
    yield number_case([1.0, 2.0], [3.0, 5.0])
    yield number_case([1.0, 2.0], [5.0, 3.0])
    yield number_case([1.0, 2.0, 3.0], [4.0, 4.0, 4.0])
    yield number_case([0.1] * 7, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])
    yield number_case([0.1] * 3, [0.7] * 3)
    yield number_case([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, math.nan, 4.0])
    yield number_case([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, math.inf, 4.0])
    yield number_case([1.0, 2.0, 3.0, 4.0], [-math.inf, 2.0, math.inf, 4.0])
    yield number_case([1.0, 2.0, 3.0, 5.0], [1e170, 3e170, 2e170, 7e170])
    yield number_case([1.0, 2.0, 3.0, 5.0], [1e-170, 3e-170, 2e-170, 7e-170])
    yield number_case([1.0, 2.0, 3.0, 5.0], [1e6 + 1, 1e6 + 2, 1e6 + 4, 1e6 + 3])
    for _ in range(80):
        n, levels, noise = rng.randint(2, 14), rng.choice([2, 5, 500]), rng.choice([0, 60, 500])
        labels = [rng.randint(0, levels) * 500 // levels / 100 for _ in range(n)]
        yield number_case(labels, [round(x * 100 + rng.randint(-noise, noise)) / 100 for x in labels])


# ---------------------------------------------------------------- answers

pieces = (
    "the The THE a A an cat Cat cats Thea anna 42 42nd e.g. U.S. don't well-known state-of-the-art $5 50% (b) _a_ a_ "
    "¿qué? café cafe\u0301 a\u0301 ÀN İstanbul ΟΔΟΣ ΣΑΣ ﬁne ß ² Ⅷ 中文 the中 日a本 — “the” ‘a’ the—cat 𝐚 🙂 the🙂 \ufeffa"
).split(" ") + ["", " ", "\t", "\n", "\u00a0", "\u2009", "\u3000", "\u0085", "\x1c", "\u200b", ".", "'", "`", "~", "\\"]


def text(most=5):
    return rng.choice(["", " ", " ", "  ", "\u00a0", "-"]).join(rng.choice(pieces) for _ in range(rng.randint(0, most)))


def near(gold):
    """A text that has something in common with another."""
    words = gold.split(" ")
    rng.shuffle(words)
    return rng.choice([gold, gold.upper(), "the " + gold + ".", " ".join(words), " ".join(words[1:] + [text(2)]), text()])


def answer_case(gold, predicted):
    return {
        "gold": gold,
        "predicted": predicted,
        "normalised": squad_metrics.normalize_answer(gold),
        "exact": squad_metrics.compute_exact(gold, predicted),
        "f1": number(squad_metrics.compute_f1(gold, predicted)),
        "f1v1": number(squad_official_eval_v1.f1_score(predicted, gold)),
    }


def answer_cases():
    yield from (answer_case(p, rng.choice(pieces)) for p in pieces)
    yield answer_case("a a b b b", "b a a a b")
    for _ in range(80):
        gold = text()
        yield answer_case(gold, near(gold))


class Example:
    def __init__(self, qas_id, answers):
        self.qas_id = qas_id
        self.answers = [{"text": a} for a in answers]


def questions_and_predictions(impossible, missing):
    questions, predictions = [], {}
    for i in range(rng.randint(1, 8)):
        golds = [] if rng.random() < impossible else [text(4) for _ in range(rng.randint(1, 3))]
        questions.append([f"q{i}", golds])
        if rng.random() >= missing:
            predictions[f"q{i}"] = near(rng.choice(golds)) if golds else rng.choice(["", text(2)])
    return questions, predictions


def squad2_case():
    questions, texts = questions_and_predictions(rng.choice([0, 0.5, 0.5, 1]), 0)
    order = list(texts)
    rng.shuffle(order)
    texts = {k: texts[k] for k in order}
    # Few values, so that many are equal.
    nulls = {k: rng.choice([-4, -2.75, -1, 0, 0.5, 3]) for k in texts}
    threshold = rng.choice([-2.75, 0, 1])
    scores = squad_metrics.squad_evaluate([Example(*q) for q in questions], texts, nulls, threshold)
    return {
        "questions": questions,
        "predictions": [[k, texts[k], nulls[k]] for k in texts],
        "threshold": threshold,
        "scores": {k: number(v) for k, v in scores.items()},
    }


def span_case():
    while True:
        questions, texts = questions_and_predictions(0, rng.choice([0, 0.3]))
        if texts:
            break
    dataset = [{"paragraphs": [{"qas": [{"id": k, "answers": [{"text": t} for t in golds]} for k, golds in questions]}]}]
    v1 = squad_official_eval_v1.evaluate(dataset, texts)
    mrqa = mrqa_official_eval.evaluate(dict(map(tuple, questions)), texts, True)
    return {"questions": questions, "predictions": list(texts.items()), "squad1": v1, "mrqa": mrqa}


# ---------------------------------------------------------------- tags


def tags(n, places):
    kinds = rng.choice([["X"], ["X", "Y"], ["X", "Y", "Z"]])
    return [rng.choice(["O", f"{rng.choice(places)}-{rng.choice(kinds)}"]) for _ in range(n)]


def tag_case(sentences):
    golds, predictions = [s[0] for s in sentences], [s[1] for s in sentences]
    spans = [tagging_utils.get_span_labels(s) for s in predictions]
    return {
        "sentences": sentences,
        "seqevalSpans": [[[s, e, t] for t, s, e in seqeval.get_entities(p)] for p in predictions],
        "precision": number(seqeval.precision_score(golds, predictions)),
        "recall": number(seqeval.recall_score(golds, predictions)),
        "f1": number(seqeval.f1_score(golds, predictions)),
        "accuracy": number(seqeval.accuracy_score(golds, predictions)),
        "officialSpans": spans,
        "bioes": [tagging_utils.get_tags(s, len(p), "BIOES") for s, p in zip(spans, predictions)],
        "bio": [tagging_utils.get_tags(s, len(p), "BIO") for s, p in zip(spans, predictions)],
    }


def tag_cases():
    yield tag_case([[["I-NP", "I-NP", "I-VP", "O", "I-NP"]] * 2])
    yield tag_case([[["B-NP", "I-NP", "O", "B-VP", "B-NP", "I-NP"]] * 2])
    yield tag_case([[["O", "O"], ["O", "O"]]])
    for _ in range(70):
        places = rng.choice(["BI", "BIES", "I"])
        sentences = []
        for _ in range(rng.randint(1, 3)):
            gold = tags(rng.randint(1, 9), places)
            predicted = tags(len(gold), places)
            sentences.append([gold, [g if rng.random() < 0.7 else p for g, p in zip(gold, predicted)]])
        yield tag_case(sentences)


cases = {
    "classes": list(class_cases()),
    "numbers": list(number_cases()),
    "answers": list(answer_cases()),
    "squad2": [squad2_case() for _ in range(50)],
    "spans": [span_case() for _ in range(40)],
    "tags": list(tag_cases()),
}
# A line a case.
print("{")
print(",\n".join(f"{json.dumps(k)}: [\n" + ",\n".join(map(json.dumps, v)) + "\n]" for k, v in cases.items()))
print("}")
