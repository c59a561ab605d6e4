"""The settings that Truing itself has, one entry each; modalities bring their own."""

from __future__ import annotations

from truing.domain import retention
from truing.domain.settings import Setting

SETTINGS: tuple[Setting, ...] = (
    Setting(
        key="capture.mode",
        default="every",
        choices=("every", "corrections", "off"),
        help="which utterances of a running app are kept: every one, only corrected ones "
        "(and the audit share of the others), or none",
    ),
    Setting(
        key="capture.audit_share",
        default=0.1,
        minimum=0.0,
        maximum=1.0,
        help="share of captured samples drawn by chance for the audit stream; only these and "
        "wholesale imports may enter a test set",
    ),
    Setting(
        key="capture.session_gap_minutes",
        default=30.0,
        minimum=0.0,
        help="a pause longer than this starts a new session",
    ),
    Setting(
        key="consent.policy",
        default="own-use",
        choices=("own-use", "ask", "operator", "off"),
        help="on what ground samples are kept: own-use, your own data on your own machine; ask, "
        "each sample must come with consent=true; operator, for the reason in consent.reason; "
        "off keeps nothing",
    ),
    Setting(
        key="consent.reason",
        default="",
        help="why samples of others are kept, in your words: kept with each of them when "
        "consent.policy is operator",
    ),
    Setting(key="review.actor", default="", help="who reviews; empty takes the login name"),
    Setting(
        key="check.suspect_label",
        default=0.5,
        minimum=0.0,
        maximum=1.0,
        help="`suspect_label`: models doubt a label at least this far (0 agrees, 1 is sure of "
        "another text)",
    ),
    Setting(
        key="split.test_share",
        default=0.2,
        minimum=0.0,
        maximum=0.95,
        help="share of rows that go to the test set",
    ),
    Setting(
        key="split.validation_share",
        default=0.1,
        minimum=0.0,
        maximum=0.9,
        help="share of rows that go to the validation set",
    ),
    Setting(
        key="gate.alpha",
        default=0.05,
        minimum=0.000001,
        maximum=0.5,
        help="chance of promoting a model that is no better, over all candidates tried "
        "against one test set",
    ),
    Setting(
        key="gate.minimum_rows",
        default=30,
        minimum=2,
        help="fewest test rows on which a promotion can be proven",
    ),
    Setting(
        key="gate.retention_points",
        default=2.0,
        minimum=0.0,
        help="how many points worse a candidate may be on the general set",
    ),
    Setting(
        key="gate.general_set",
        default="",
        help="audiofolder or NAME@NUMBER on which a candidate must not get worse; empty: none",
    ),
    Setting(
        key="live.fallback_errors",
        default=3,
        minimum=1,
        help="errors in a row after which the previous champion takes over",
    ),
    Setting(
        key="live.seconds",
        default=120.0,
        minimum=0.1,
        help="how long the model of a server may take to load, or to answer, before its process "
        "is ended",
    ),
    Setting(
        key="live.idle_minutes",
        default=10.0,
        minimum=0.0,
        help="the model of a server leaves the memory when nobody has asked it for so long; "
        "0: never",
    ),
    Setting(
        key="live.python",
        default="",
        help="Python that the model of a server runs in, with truing installed; empty: the "
        "server's own",
    ),
    Setting(
        key="corrector.url",
        default="",
        help="chat server that corrects what the live model heard, such as "
        "http://127.0.0.1:11434/v1; the text of each utterance leaves this process to that "
        "address; empty: none. Its key is read from TRUING_CORRECTOR_KEY",
    ),
    Setting(
        key="corrector.model",
        default="",
        help="name of the chat server's model that corrects",
    ),
    Setting(
        key="corrector.seconds",
        default=4.0,
        minimum=0.1,
        help="how long a correction may take; after that the utterance is answered without one",
    ),
    Setting(
        key="backup.before_training",
        default=True,
        help="make a backup before each training run",
    ),
    Setting(
        key="backup.every_hours",
        default=24.0,
        minimum=0.0,
        help="make a backup when the newest is older than this; 0: only when asked",
    ),
    Setting(
        key="backup.keep",
        default=7,
        minimum=1,
        help="how many backups made by themselves are kept; those made by hand all are",
    ),
    Setting(
        key=retention.KEY,
        default="",
        check=retention.check,
        help="which samples go by themselves, once a day: rules with ; between, such as "
        "rejected older than 30 days; truing retain shows what they would take; empty: none",
    ),
    Setting(
        key="trash.days",
        default=7.0,
        minimum=0.0,
        help="how long deleted samples can be taken back before they are erased",
    ),
    Setting(
        key="archive.folder",
        default="",
        help="where archives go: a folder, from the workspace's own when it is no whole path; "
        "empty: archives/ in the workspace",
    ),
    Setting(
        key="archive.size_mb",
        default=1000.0,
        minimum=0.001,
        help="megabytes of media in one archive; larger selections become several",
    ),
    Setting(
        key="jobs.attempts",
        default=2,
        minimum=1,
        help="how often the process of a training run may die or hang before the run has failed",
    ),
    Setting(
        key="jobs.stall_minutes",
        default=60.0,
        minimum=0.0,
        help="a run that says nothing for so long is ended and goes on from its last checkpoint; "
        "0: never",
    ),
    Setting(
        key="jobs.tensorboard",
        default=True,
        help="write figures for TensorBoard as well, where truing[tensorboard] is installed",
    ),
    Setting(
        key="train.dataset",
        default="mine",
        help="name of the dataset whose next version is frozen when the training of all reviewed "
        "samples is asked for, as by the Train button of a page",
    ),
    Setting(
        key="train.earlier",
        default=True,
        help="such a version also holds the samples of earlier runs: nothing is forgotten and the "
        "test set grows; false: only those no run has used",
    ),
    Setting(
        key="train.recipe",
        default="",
        help="the recipe of such a training; empty: the modality's first",
    ),
    Setting(
        key="train.base",
        default="champion",
        help="what such a training starts from: champion, a model, a folder or a hub id",
    ),
    Setting(
        key="train.options",
        default="",
        help="options of the recipe for such a training, such as `epochs=5 batch_size=4`; "
        "others are as the recipe has them",
    ),
    Setting(
        key="train.replay",
        default="",
        help="general examples for such a training: an audiofolder or NAME@NUMBER; empty: none",
    ),
    Setting(
        key="train.bases",
        default="",
        help="folders and hub ids, with commas between, that the pages offer to start from",
    ),
    Setting(
        key="train.s2s_config",
        default="",
        help="configs/training.toml of the S2S app: its base model, options and folder of "
        "published models hold where the settings here say nothing",
    ),
    Setting(
        key="publish.target",
        default="",
        help="folder in which an app looks for its model: one that passes the gate after such a "
        "training is published there; empty: nowhere",
    ),
    Setting(
        key="image_edit.nexvision_folder",
        default="",
        help="folder training-data of the image editor NexVision into which each pair that its app "
        "posts is written besides, so that what reads it goes on working; empty: nowhere",
    ),
    Setting(
        key="train.index_url",
        default="",
        help="where to install torch from when it is missing; empty is pip's own choice",
    ),
    Setting(
        key="storage.database",
        default="",
        help="where everything said is kept: postgresql://USER@HOST/NAME, or empty for the file "
        "truing.db; truing move --database changes it and takes everything along",
    ),
    Setting(
        key="storage.blobs",
        default="",
        help="where recordings are kept: s3://BUCKET/PREFIX, or empty for the folder blobs/; "
        "truing move --blobs changes it and takes them along",
    ),
    Setting(
        key="storage.cache_gb",
        default=4.0,
        minimum=0.01,
        help="gigabytes of recordings from an object store kept on this machine for reading",
    ),
    Setting(
        key="storage.quota_gb",
        default=0.0,
        minimum=0.0,
        help="gigabytes that the workspace may take on this machine; what would not fit is "
        "refused before anything of it is written; 0: as many as the disk holds",
    ),
    Setting(
        key="storage.warn_share",
        default=0.8,
        minimum=0.01,
        maximum=1.0,
        help="share of the quota, or of the disk, from which on it is warned that it fills up",
    ),
    Setting(
        key="serve.auth",
        default="off",
        choices=("off", "token", "users"),
        help="who may use the server: off, whoever is at this machine; token, whoever has the "
        "address it prints, or a token; users, the people of truing people",
    ),
    Setting(
        key="serve.hosts",
        default="",
        help="names under which the server is reached besides this machine's own, such as "
        "nas.local, desk.example; with spaces or commas between",
    ),
    Setting(
        key="serve.origins",
        default="",
        help="other web pages that may use the API, such as http://localhost:3000; with spaces "
        "or commas between; empty: none",
    ),
    Setting(
        key="serve.upload_mb",
        default=100.0,
        minimum=0.1,
        maximum=4096.0,
        help="largest recording that the server takes, in megabytes",
    ),
    Setting(
        key="serve.session_days",
        default=30.0,
        minimum=0.01,
        maximum=3650.0,
        help="how long a browser stays signed in",
    ),
    Setting(
        key="log.level",
        default="info",
        choices=("debug", "info", "warning", "error"),
        help="how much goes to truing.log; never transcripts",
    ),
)
