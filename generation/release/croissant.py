"""croissant.json: the release described for machines, in MLCommons Croissant 1.0 with the RAI vocabulary.

The context is that of the specification (docs.mlcommons.org/croissant). Addresses are relative to the release.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from generation.release.card import Card
from generation.release.columns import meaning
from generation.release.documents import Facts, title

_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_TYPES = {"text": "sc:Text", "whole": "sc:Integer", "number": "sc:Float", "truth": "sc:Boolean"}
# Sections of the card and their names in the RAI vocabulary (responsible AI).
_RAI = {
    "collection": "rai:dataCollection",
    "preprocessing": "rai:dataPreprocessingProtocol",
    "annotation": "rai:dataAnnotationProtocol",
    "annotators": "rai:annotatorDemographics",
    "uses": "rai:dataUseCases",
    "limitations": "rai:dataLimitations",
    "biases": "rai:dataBiases",
    "personal_information": "rai:personalSensitiveInformation",
    "maintenance": "rai:dataReleaseMaintenancePlan",
}
_FORMATS = {".parquet": "application/x-parquet", ".csv": "text/csv"}


def croissant(card: Card, facts: Facts, files: Mapping[str, tuple[str, int]], ratings: Mapping[str, str]) -> str:
    """The text of croissant.json; `files` {path: (sha256, bytes)}, `ratings` {column: kind} ({} without ratings)."""
    parquet = [path for path in files if path.startswith("data/")]
    described = ["metadata/images.csv", *parquet, *(["ratings/raw_ratings.parquet"] if ratings else [])]
    distribution: list[dict[str, Any]] = [_file_object(path, *files[path]) for path in described]
    source: dict[str, Any] = {"fileObject": {"@id": "metadata/images.csv"}}
    if parquet:
        source = {"fileSet": {"@id": "parquet"}}
        distribution.append(
            {
                "@type": "cr:FileSet",
                "@id": "parquet",
                "name": "parquet",
                "includes": "data/*.parquet",
                "encodingFormat": _FORMATS[".parquet"],
            }
        )
    fields = [_field("images", column, kind, source) for column, kind in facts.columns.items()]
    if parquet:
        fields.insert(0, _image_field(source))
    records = [_record_set("images", "One record per image.", fields)]
    if ratings:
        source = {"fileObject": {"@id": "ratings/raw_ratings.parquet"}}
        fields = [_field("ratings", column, kind, source) for column, kind in ratings.items()]
        records.append(_record_set("ratings", "One record per rating of a published image.", fields))
    content = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"],
        "name": title(card),
        **_about(card),
        "distribution": distribution,
        "recordSet": records,
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _about(card: Card) -> dict[str, Any]:
    """What the card says; keys without a value are left out."""
    creators = [{"@type": "sc:Person", "name": author.name} for author in card.authors]
    found = {
        "description": card["description"],
        "license": card.license_url,
        "url": card["url"],
        "citeAs": card["citation"],
        "version": card["version"],
        "datePublished": card["date"],
        "creator": creators,
        "keywords": list(card.keywords),
        **{name: card[key] for key, name in _RAI.items()},
    }
    return {key: value for key, value in found.items() if value}


def _file_object(path: str, digest: str, size: int) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": path,
        "name": path,
        "contentUrl": path,
        "contentSize": f"{size} B",
        "encodingFormat": _FORMATS[path[path.rindex(".") :]],
        "sha256": digest,
    }


def _record_set(name: str, description: str, fields: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"@type": "cr:RecordSet", "@id": name, "name": name, "description": description, "field": fields}


def _field(records: str, column: str, kind: str, source: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{records}/{column}",
        "name": column,
        "description": meaning(column) or column,
        "dataType": _TYPES[kind],
        "source": {**source, "extract": {"column": column}},
    }


def _image_field(source: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": "images/image",
        "name": "image",
        "description": "the image",
        "dataType": "sc:ImageObject",
        "source": {**source, "extract": {"column": "image"}, "transform": {"jsonPath": "bytes"}},
    }
