"""A checkpoint's tokenizer, template and picture settings, and pictures at the sizes that Gemma 4's own rule gives."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from transformers import Gemma4ForConditionalGeneration, Gemma4ImageProcessorPil
from transformers.models.gemma4.image_processing_pil_gemma4 import get_aspect_ratio_preserving_size

from model.engine import VISUAL_TOKENS, PageView
from model.gemma.pictures import patches
from model.gemma.processor import MARKERS, load_processor
from model.gemma.template import KNOWN_TEMPLATES, template_hash
from model.pictures import Picture, fitted, picture_of
from schemas.errors import EngineUnavailable
from schemas.page import WHOLE_PAGE, Box, PageText
from tests.tiny_gemma import TEMPLATE, build


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def copy(checkpoint: Path, tmp_path: Path) -> Iterator[Path]:
    """The checkpoint less its weights, to be changed."""
    folder = tmp_path / "copy"
    shutil.copytree(checkpoint, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    yield folder


def noise(width: int, height: int) -> Image.Image:
    pixels = np.random.default_rng(width * height).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def test_a_checkpoint_is_loaded_with_its_markers_and_its_templates_hash(checkpoint: Path) -> None:
    processor = load_processor(checkpoint)
    assert set(processor.ids) == set(MARKERS)
    assert len(set(processor.ids.values())) == len(MARKERS)
    assert set(processor.ids.values()) < processor.control_ids
    assert processor.template_hash == template_hash(TEMPLATE.read_text(encoding="utf-8"))


def test_picture_settings_may_stand_in_a_file_of_their_own(copy: Path) -> None:
    (copy / "processor_config.json").unlink()
    settings_ = {"image_processor_type": "Gemma4ImageProcessor", "patch_size": 16, "pooling_kernel_size": 3}
    (copy / "preprocessor_config.json").write_text(json.dumps({**settings_, "max_soft_tokens": 1120}))
    assert load_processor(copy).images.max_soft_tokens == 1120


def test_the_template_may_stand_in_the_tokenizers_settings(copy: Path) -> None:
    before = load_processor(copy).template_hash
    template = copy / "chat_template.jinja"
    place = copy / "tokenizer_config.json"
    place.write_text(json.dumps({**json.loads(place.read_text()), "chat_template": template.read_text()}))
    template.unlink()
    assert load_processor(copy).template_hash == before


def test_a_model_that_is_not_there_is_named_with_the_command_that_fetches_it(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable, match=r"hf download \S+/nowhere --revision abc"):
        load_processor(tmp_path / "nowhere", "abc")


def test_missing_picture_settings_are_reported(copy: Path) -> None:
    (copy / "processor_config.json").unlink()
    with pytest.raises(EngineUnavailable, match="cannot be loaded"):
        load_processor(copy)


def test_a_tokenizer_without_gemmas_markers_is_refused(copy: Path) -> None:
    for place in (copy / "tokenizer.json", copy / "tokenizer_config.json"):
        place.write_text(place.read_text().replace("<|think|>", "<|other|>"))
    with pytest.raises(EngineUnavailable, match=r"does not know <\|think\|>"):
        load_processor(copy)


def test_other_patches_than_gemmas_are_refused(copy: Path) -> None:
    place = copy / "processor_config.json"
    place.write_text(place.read_text().replace('"patch_size": 16', '"patch_size": 14'))
    with pytest.raises(EngineUnavailable, match="patches of 14 pixels"):
        load_processor(copy)


@pytest.mark.parametrize(
    ("text", "instead", "complaint"),
    [
        ("'<|think|>\\n'", "'think\\n'", "thinking"),
        ("<|image|>", "<|image|><|image|>", "pages"),
        ("<|image|>", "", "pages"),
        ("'<|turn>' + role", "'<|turn>' + role + ':'", "pages"),
        ("'<|turn>system\\n'", "'<|turn>user\\n'", "pages"),
        ("messages[0]['content'] | trim", "messages[0]['content'] | upper", "pages"),
        ("'<|turn>model\\n'", "'<|turn>assistant\\n'", "pages"),
        ("<|channel>thought\\n<channel|>", "<|channel>final\\n<channel|>", "pages"),
        ("if not thinking", "if thinking", "thinking"),
        ("<|tool>{{-", "<|tool>{{- 'function ' -}}{{-", "tools"),
        ("part['description']", "part['type']", "tools"),
        ("call['function']['arguments']", "call['function']['arguments'] | string", "tool response"),
        ("<tool_response|>", "", "tool response"),
        ("= not message['content']", "= true", "a picture"),
        ("{{- bos_token -}}", "{{- raise_exception('old') -}}", "makes it fail: old"),
    ],
)
def test_a_template_that_writes_something_else_is_refused_naming_it(
    copy: Path, text: str, instead: str, complaint: str
) -> None:
    template = copy / "chat_template.jinja"
    assert text in template.read_text()
    template.write_text(template.read_text().replace(text, instead))
    with pytest.raises(EngineUnavailable, match=rf"{complaint}.*chat_template\.jinja"):
        load_processor(copy)


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("{%- if not thinking -%}{{- '<|channel>thought\\n<channel|>' -}}{%- endif -%}", ""),  # small models
        ("{%- if not thinking -%}", "{%- if thinking -%}{{- '<|channel>thought\\n' -}}{%- else -%}"),
        ("<|image|>", "\n\n<|image|>\n\n"),
    ],
)
def test_templates_may_differ_where_copies_do(copy: Path, text: str, instead: str) -> None:
    template = copy / "chat_template.jinja"
    assert text in template.read_text()
    template.write_text(template.read_text().replace(text, instead))
    assert load_processor(copy).template_hash not in KNOWN_TEMPLATES


def test_a_templates_hash_does_not_depend_on_line_ends() -> None:
    assert template_hash("{{ a }}\n{{ b }}\n") == template_hash("{{ a }}\r\n{{ b }}")
    assert template_hash("{{ a }}") != template_hash("{{ b }}")


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 900), st.integers(1, 900), st.sampled_from(VISUAL_TOKENS[:3]), st.sampled_from(["RGB", "L", "RGBA"])
)
def test_pictures_are_those_of_the_real_processor_and_are_counted_before_they_exist(
    width: int, height: int, visual_tokens: int, mode: str
) -> None:
    images = Gemma4ImageProcessorPil()
    image = noise(width, height).convert(mode)
    real = images([image], max_soft_tokens=visual_tokens, return_tensors="pt")
    page = PageText(1, width, height, ())
    picture = picture_of(PageView(page, lambda long_side, region: image, visual_tokens))
    assert picture is not None
    assert picture.tokens == int(real["num_soft_tokens_per_image"][0]) <= visual_tokens
    cut = patches(images, [picture])
    assert torch.equal(cut.pixel_values, real["pixel_values"][:, : 9 * picture.tokens])
    assert torch.equal(cut.image_position_ids, real["image_position_ids"][:, : 9 * picture.tokens])
    assert (real["image_position_ids"][:, 9 * picture.tokens :] == -1).all()


@settings(deadline=None)
@given(st.floats(0.001, 1e6), st.floats(0.001, 1e6), st.sampled_from(VISUAL_TOKENS))
def test_any_page_fits_its_budget(width: float, height: float, visual_tokens: int) -> None:
    view = PageView(PageText(1, width, height, ()), lambda long_side, region: noise(1, 1), visual_tokens)
    picture = picture_of(view)
    assert picture is not None
    tall, wide = get_aspect_ratio_preserving_size(max(1, height), max(1, width), 16, 9 * visual_tokens, 3)
    assert (picture.width, picture.height) == (wide, tall)
    assert 0 < picture.tokens <= visual_tokens
    assert max(picture.width, picture.height) <= picture.long_side <= 2 * max(picture.width, picture.height)


def test_a_region_is_asked_for_at_the_size_that_is_shown() -> None:
    asked: list[tuple[int, Box]] = []

    def image(long_side: int, region: Box) -> Image.Image:
        asked.append((long_side, region))
        return noise(long_side, round(long_side * 792 * 0.25 / (612 * 0.5)))

    region = Box(0.5, 0.0, 1.0, 0.25)
    picture = picture_of(PageView(PageText(1, 612, 792, ()), image), region, 560)
    assert picture is not None
    assert not asked
    assert (picture.width, picture.height) == fitted(306, 198, 560)
    assert picture.render().size == (picture.width, picture.height)
    assert asked == [(picture.long_side, region)]
    assert 0 <= picture.long_side * 198 / 306 - picture.height < 48


def test_a_picture_padded_to_a_larger_one_has_the_same_features_as_alone(checkpoint: Path) -> None:
    model = Gemma4ForConditionalGeneration.from_pretrained(checkpoint, dtype=torch.float32).eval()
    images = load_processor(checkpoint).images
    sizes = {(480, 624): 130, (96, 432): 18, (816, 336): 119}
    pictures = [Picture(lambda _, __, size=size: noise(*size), WHOLE_PAGE, *size, max(size)) for size in sizes]
    together = features(model, patches(images, pictures))
    for picture, tokens, padded in zip(pictures, sizes.values(), together, strict=True):
        (alone,) = features(model, patches(images, [picture]))
        assert len(alone) == len(padded) == picture.tokens == tokens
        torch.testing.assert_close(padded, alone, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def features(model: Any, cut: Any) -> tuple[torch.Tensor, ...]:
    found: tuple[torch.Tensor, ...] = model.model.get_image_features(
        cut.pixel_values, cut.image_position_ids, return_dict=True
    ).pooler_output
    return found
