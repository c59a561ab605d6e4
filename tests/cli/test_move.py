"""`truing init --database` and `truing move`: everything said in another place."""


def test_move_there_and_back(truing, filled, new_database, tmp_path):
    filled(3)
    url = new_database()
    moved = truing("move", "--database", url)
    assert moved.code == 0, moved.err
    assert "everything said is kept in PostgreSQL postgresql://truing@/" in moved.out
    assert "digests are equal on both sides" in moved.out
    assert "was left as it was" in moved.err
    assert str(tmp_path / "ws" / "truing.db") in moved.err
    doctor = {one["name"]: one["says"] for one in truing("doctor", "--json").json["checks"]}
    assert doctor["database"].startswith("PostgreSQL postgresql://truing@/")
    assert truing("stats", "--json").code == 0
    assert len(truing("samples", "--json").json["samples"]) == 3
    again = truing("move", "--database", url)
    assert again.code == 2
    assert "already" in again.err
    (tmp_path / "ws" / "truing.db").unlink()
    back = truing("move", "--database", "sqlite", "--json").json
    assert back["blobs"] is None
    assert back["database"]["from"].startswith("PostgreSQL")
    assert back["database"]["to"] == f"SQLite {tmp_path / 'ws' / 'truing.db'}"
    assert set(back["database"]["digests"]) > {"samples", "revisions", "numbers"}
    assert len(truing("samples", "--json").json["samples"]) == 3


def test_move_recordings(truing, filled, bucket, tmp_path, s3_server, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    filled(2)
    moved = truing("move", "--blobs", f"s3://{bucket}/voice")
    assert moved.code == 0, moved.err
    assert "2 recordings copied" in moved.out
    assert truing("move", "--blobs", "folder", "--json").json["blobs"]["present"] == 2


def test_move_says_what_is_missing(truing):
    nothing = truing("move")
    assert nothing.code == 2
    assert "nothing was named" in nothing.err
    gone = truing("move", "--database", "postgresql://ann@127.0.0.1:1/voice")
    assert gone.code == 8
    assert "cannot be reached" in gone.err
    told = truing("move", "--database", "postgresql://ann:rosebud@127.0.0.1/voice")
    assert told.code == 2
    assert "rosebud" not in told.out + told.err
    assert "PGPASSWORD" in told.err


def test_init_on_a_server(bare, new_database, tmp_path):
    url = new_database()
    assert bare("init", tmp_path / "first", "--database", url).code == 0
    assert not (tmp_path / "first" / "truing.db").exists()
    assert bare("--workspace", tmp_path / "first", "samples").code == 0
    second = bare("init", tmp_path / "second", "--database", url)
    assert second.code == 4
    assert "a workspace in PostgreSQL" in second.err
    assert not (tmp_path / "second").exists()


def test_a_password_in_a_setting_is_never_shown(truing):
    for address in (
        "postgresql://ann:rosebud@db.example/voice",
        "postgresql://ann:/rosebud?@db.example/voice",
        "postgresql://ann@db.example/voice?password=rosebud&connect_timeout=1",
    ):
        told = truing("config", "set", "storage.database", address)
        assert told.code == 0
        assert "rosebud" not in told.out + told.err
        for words in (("config", "show"), ("config", "show", "storage.database", "--json")):
            shown = truing(*words)
            assert "rosebud" not in shown.out + shown.err
            assert "db.example" in shown.out
