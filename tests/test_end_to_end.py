import pytest

import zennas


@pytest.mark.slow
def test_searched_network_learns_digits_and_leaves_as_onnx(tmp_path):
    pytest.importorskip("onnxruntime")
    from zennas.export import export
    from zennas.train import train
    from zennas.train.weights import load_weights

    found = zennas.search(
        "resnet", 16, 10, params="20k", flops="2M", layers=6, iterations=300, population=32, rescore=0
    )
    assert found.costs.params <= 20_000
    structure = zennas.format_structure(found.architecture)
    result = train(structure, tmp_path / "run", resolution=16, epochs=3, batch_size=16, mixup=0, erasing=0)
    assert result.history[-1]["accuracy"] > 0.5
    network = zennas.build(found.architecture, 10)
    load_weights(network, tmp_path / "run" / "last.safetensors")
    exported = export(network, tmp_path / "network.onnx", 16, fold=True, dynamic_batch=True, data="digits")
    assert exported.accuracy == pytest.approx(result.history[-1]["accuracy"], abs=0.01)
