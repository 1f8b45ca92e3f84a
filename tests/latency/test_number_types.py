import json

import pytest
from devices import plain_predictor

from zennas.latency.predictor import read_predictor, write_predictor
from zennas.latency.records import Header, open_records, read_records
from zennas.latency.setting import Setting, differences
from zennas.number_types import NUMBER_TYPES, number_type
from zennas.searching.settings import checked_config, read_config
from zennas.train.config import train_config

FORMER = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16"}


def test_former_words_are_replaced_and_others_left_to_their_reader():
    assert {word: number_type(word) for word in FORMER} == FORMER
    assert [number_type(word) for word in NUMBER_TYPES] == list(NUMBER_TYPES)
    assert number_type("fp64") == "fp64"


@pytest.mark.parametrize(("former", "word"), FORMER.items())
def test_files_of_former_words_are_read(former, word, tmp_path):
    path = tmp_path / "p.json"
    write_predictor(plain_predictor(), path)
    document = json.loads(path.read_text())
    document["setting"]["dtype"] = former
    path.write_text(json.dumps(document))
    predictor = read_predictor(path)
    assert predictor.setting.dtype == word
    predictor.check("p.json", {"dtype": former})

    measurements = tmp_path / "m.jsonl"
    header = Header(Setting(dtype=word), "resnet", 10, (1e6, 1e7), 0)
    open_records(measurements, header)
    measurements.write_text(measurements.read_text().replace(word, former))
    assert former in measurements.read_text()
    assert read_records(measurements).header == header
    assert open_records(measurements, header).header == header

    (tmp_path / "config.yaml").write_text(f"params: 1M\nlatency: 2ms\nlatency_dtype: {former}\n")
    assert read_config(tmp_path).latency_dtype == word
    given = {"model": "zennet-cifar-0.5M", "precision": former, "device": "cuda"}
    assert train_config(given).precision == word


def test_a_setting_takes_former_words_and_shows_the_one():
    assert Setting(dtype="bfloat16") == Setting(dtype="bf16")
    assert differences(Setting(dtype="fp16"), {"dtype": "float16"}) == []
    assert checked_config({"params": "1M", "latency_dtype": "float16"}).latency_dtype == "fp16"


def test_an_unknown_number_type_of_a_search_is_refused_at_once():
    with pytest.raises(Exception, match="fp32, fp16, bf16, int8.*fp64"):
        checked_config({"params": "1M", "latency_dtype": "fp64"})
