"""`config.yml`: the pipeline that Rasa recommends where there are no word vectors, and policies that follow rules."""

from __future__ import annotations

from typing import Any

TOKENIZERS = {"zh": "JiebaTokenizer", "en": "WhitespaceTokenizer"}
EPOCHS = 100
"""What Rasa recommends for both classifiers."""


def config(language: str, epochs: int = EPOCHS, retrieval_intent: str | None = None) -> dict[str, Any]:
    """Return the configuration; with a retrieval intent its answers are told apart too."""
    return {
        "recipe": "default.v1",
        "assistant_id": f"zhanggui-{language}",
        "language": language,
        "pipeline": _pipeline(language, epochs, retrieval_intent),
        "policies": [{"name": "MemoizationPolicy"}, {"name": "RulePolicy"}],
    }


def _pipeline(language: str, epochs: int, retrieval_intent: str | None) -> list[dict[str, Any]]:
    trained = {"epochs": epochs, "constrain_similarities": True}
    selector = {"name": "ResponseSelector", "retrieval_intent": retrieval_intent, **trained}
    return [
        {"name": TOKENIZERS[language]},
        {"name": "RegexFeaturizer"},
        {"name": "LexicalSyntacticFeaturizer"},
        {"name": "CountVectorsFeaturizer"},
        {"name": "CountVectorsFeaturizer", "analyzer": "char_wb", "min_ngram": 1, "max_ngram": 4},
        {"name": "DIETClassifier", **trained},
        {"name": "EntitySynonymMapper"},
        *([selector] if retrieval_intent else []),
        {"name": "FallbackClassifier", "threshold": 0.3, "ambiguity_threshold": 0.1},
    ]
