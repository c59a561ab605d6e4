"""Foreign formats: one file each, reader and writer together."""

FORMATS: dict[str, str] = {
    "s2s": "truing.formats.s2s_database:S2SDatabase",
    "audiofolder": "truing.formats.audiofolder:AudioFolder",
    "csv": "truing.formats.csv_table:CsvTable",
    "jsonl": "truing.formats.jsonl:JsonLines",
}
"""Format name -> `module:attribute` of its class, which takes no required argument."""
