"""What a fact sheet still lacks before it can be submitted."""

from challenge.reports.models import FactSheet

# Field -> what is asked for, in the order of the form. The rest of a sheet is optional.
WANTED = {
    "team_title": "the team's name as it is printed",
    "method_name": "the name of the method",
    "description": "a description of the method",
    "runtime_s": "the runtime per image",
    "device": "the CPU or GPU it was measured on",
    "parameters_m": "the number of parameters",
    "training_data": "the training data",
    "extra_data": "whether extra training data was used",
    "ensemble": "whether it is an ensemble",
}


def missing(sheet: FactSheet) -> list[str]:
    """What is still asked for, in words; empty: the sheet can be submitted. Reads its authors and its files."""
    lacking = [words for field, words in WANTED.items() if getattr(sheet, field) in (None, "")]
    if sheet.ensemble and not sheet.ensemble_details:
        lacking.append("what the ensemble is made of")
    authors = list(sheet.authors.all())
    if not authors:
        lacking.append("the authors")
    if nowhere := [author.name for author in authors if not author.affiliations]:
        lacking.append(f"the affiliation of {', '.join(nowhere)}")
    if authors and not any(author.email for author in authors):
        lacking.append("the e-mail address of one author")
    has_archive = any(file.name.lower().endswith(".zip") for file in sheet.attachments.all())
    if not sheet.code_url and not has_archive:
        lacking.append("the code: a link, or a zip among the files")
    if not sheet.reference_title and (sheet.reference_authors or sheet.reference_venue or sheet.reference_year):
        lacking.append("the title of the reference")
    return lacking
