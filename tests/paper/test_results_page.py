"""The page of results: order, devices and sizes."""

import json
from pathlib import Path

from anzan.paper import write_page


def test_the_page_goes_by_size_and_names_the_device_of_each_command(tmp_path: Path) -> None:
    def measured(size: int, device: str, parameters: int = 1000, **metrics: float) -> None:
        folder = tmp_path / "results" / "training-size" / str(size)
        folder.mkdir(parents=True)
        result = {
            "experiment": f"training-size/{size}", "cell": "plain/max", "recipe": "span", "scale": "laptop",
            "encoder": "tiny", "parameters": parameters, "train_size": size, "device": device,
            "metrics": {"f1": size / 1000} | metrics, "command": f"anzan of {size}",
        }  # fmt: skip
        (folder / "span.json").write_text(json.dumps(result), encoding="utf-8")

    page = tmp_path / "page.md"

    def lines() -> list[str]:
        write_page(tmp_path / "results", page)
        return page.read_text(encoding="utf-8").splitlines()

    measured(10_000, "a CPU")
    measured(500, "a CPU")
    assert "### laptop: tiny, 1,000 parameters, a CPU" in lines() and "anzan of 500" in lines()
    measured(2_000, "a GPU")
    assert [line.split("|")[6].strip() for line in lines() if "plain/max" in line] == ["0.50", "2.00", "10.00"]
    assert "### laptop: tiny, 1,000 parameters, a CPU and a GPU" in lines()
    assert {"anzan of 500  # a CPU", "anzan of 2000  # a GPU"} <= set(lines())
    measured(1_000, "a CPU", 1024)
    assert not any("free" in line for line in lines() if line.startswith("| cell"))
    measured(5_000, "a CPU", f1_free=87.5)
    assert any("| F1, free | arguments, free |" in line for line in lines())
    assert [line.split("|")[-3].strip() for line in lines() if "plain/max" in line] == ["-", "-", "-", "87.50", "-"]
    assert "### laptop: tiny, 1,000 to 1,024 parameters, a CPU and a GPU" in lines()
