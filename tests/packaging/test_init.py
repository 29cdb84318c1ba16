"""Tests of `dynamics init` and of the folders that the package needs at run time."""

import pytest

from orchestration import resources
from orchestration.cli import main
from orchestration.resources import PROJECT_ROOT, resource_folder
from orchestration.saved_queries.reader import read_saved_queries
from orchestration.settings import Settings


def run(*arguments):
    """Run the command line and return its exit code."""
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return ended.value.code


def test_init_writes_the_saved_queries_of_the_project(tmp_path, capsys):
    assert run("init", tmp_path / "new") == 0
    assert f"written: {tmp_path / 'new' / '.env'}" in capsys.readouterr().out
    written, problems = read_saved_queries(tmp_path / "new" / "report_templates")
    assert not problems
    assert written == read_saved_queries(PROJECT_ROOT / "report_templates")[0]
    assert (tmp_path / "new" / "report_templates" / "saved-query.schema.json").is_file()


def test_init_comments_every_setting(tmp_path):
    run("init", tmp_path)
    lines = (tmp_path / ".env").read_text(encoding="utf-8").splitlines()
    assert all(line.startswith("#") for line in lines if line)
    for name, field in Settings.model_fields.items():
        (index,) = (n for n, line in enumerate(lines) if line.startswith(f"# DYNAMICS_{name.upper()}="))
        assert lines[index - 1] == f"# {field.description}"


def test_settings_of_init_are_the_defaults(tmp_path, monkeypatch):
    run("init", tmp_path)
    path = tmp_path / ".env"
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(line.removeprefix("# ") for line in lines if line.startswith("# DYNAMICS_")))
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"DYNAMICS_{name.upper()}", raising=False)
    assert Settings() == Settings(_env_file=None)


def test_init_overwrites_no_file(tmp_path, capsys):
    path = tmp_path / "report_templates" / "monthly_finance.yaml"
    path.parent.mkdir()
    path.write_text("mine")
    assert run("init", tmp_path) == 2
    assert f"{path} exists" in capsys.readouterr().err
    assert path.read_text() == "mine"
    assert [found.name for found in tmp_path.rglob("*") if found.is_file()] == ["monthly_finance.yaml"]


def test_init_reports_a_folder_that_it_cannot_write(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert run("init", tmp_path / "file" / "new") == 1
    assert "cannot be written" in capsys.readouterr().err


def test_folders_of_the_checkout_are_found():
    assert resource_folder("dbt_project") == PROJECT_ROOT / "dbt_project"
    assert (resource_folder("report_templates") / "layouts").is_dir()


def test_folders_of_an_installed_package_come_first(tmp_path, monkeypatch):
    (tmp_path / "orchestration" / "dbt_project").mkdir(parents=True)
    monkeypatch.setattr(resources, "__file__", str(tmp_path / "orchestration" / "resources.py"))
    assert resource_folder("dbt_project") == tmp_path / "orchestration" / "dbt_project"
