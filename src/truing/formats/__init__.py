"""Foreign formats: one file each, reader and writer together."""

FORMATS: dict[str, str] = {
    "s2s": "truing.formats.s2s_database:S2SDatabase",
    "audiofolder": "truing.formats.audiofolder:AudioFolder",
    "csv": "truing.formats.csv_table:CsvTable",
    "jsonl": "truing.formats.jsonl:JsonLines",
    "grid": "truing.formats.grid:Grid",
    "lrs": "truing.formats.lrs:Lrs",
    "chaplin": "truing.formats.chaplin:Chaplin",
    "chaplin-sqlite": "truing.formats.chaplin_database:ChaplinDatabase",
    "vsr": "truing.formats.vsr_rows:VsrRows",
    "corrector": "truing.formats.corrector_pairs:CorrectorPairs",
    "auto-avsr": "truing.formats.auto_avsr:AutoAvsr",
    "nexvision": "truing.formats.nexvision:NexVision",
    "imagefolder": "truing.formats.imagefolder:ImageFolder",
    "parquet": "truing.formats.parquet_edits:ParquetEdits",
    "webdataset": "truing.formats.webdataset:WebDataset",
}
"""Format name -> `module:attribute` of its class, which takes no required argument."""
