import hashlib

import huggingface_hub.constants
import numpy as np
import open_clip
import pytest
import torch
from PIL import Image

from adabench.models.semantics import OpenClipSemantics, StandInSemantics
from adabench.models.semantics.sentences import FIXED_SENTENCE, sentence
from adabench.registry import SEMANTICS
from adabench.structures import Signals

TINY = {
    "embed_dim": 8,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}
COLUMNS = ["AU1", "AU4", "gaze_down", "AU15"]


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A tiny CLIP with random weights and the file that holds them."""
    torch.manual_seed(0)
    network = open_clip.CLIP(**TINY).eval()
    path = tmp_path_factory.mktemp("clip") / "tiny.pth"
    torch.save({"state_dict": {f"module.{k}": v for k, v in network.state_dict().items()}}, path)
    return network, path


@pytest.fixture
def encoder(clip) -> OpenClipSemantics:
    return SEMANTICS.build(
        {"type": "OpenClipSemantics", "model": TINY, "weights": clip[1], "batch": 2}
    )


def stage(path, *, width: int = 6, columns=COLUMNS, **changes):
    """Write a stage whose head gives, in standardised labels, the first entries of a vector."""
    weight = torch.zeros(len(columns), width)
    weight[: len(columns), : len(columns)] = torch.eye(len(columns))
    content = {
        "trunk": {},
        "au_head": {"weight": weight, "bias": torch.zeros(len(columns))},
        "columns": columns,
        "scale": {"mean": torch.full((4,), 0.1), "std": torch.full((4,), 0.5)},
        "meta": {},
        **changes,
    }
    torch.save({k: v for k, v in content.items() if v is not None}, path)
    return path


def byte_frames(count: int, height: int = 32, width: int = 32) -> torch.Tensor:
    return torch.randint(0, 256, (count, 3, height, width), dtype=torch.uint8)


class TestOpenClip:
    def test_features_are_those_before_the_projection(self, clip, encoder):
        network, _ = clip
        frames = byte_frames(5)
        out = encoder.encode(frames)
        assert out.text.shape == (5, encoder.text_dim) == (5, 16)
        assert out.image.shape == (5, encoder.image_dim) == (5, 64)
        preprocess = open_clip.image_transform(32, is_train=False)
        images = [Image.fromarray(f.permute(1, 2, 0).numpy()) for f in frames]
        with torch.no_grad():
            image = network.encode_image(torch.stack([preprocess(i) for i in images]))
            text = network.encode_text(open_clip.tokenize([FIXED_SENTENCE]))
        assert torch.allclose(out.image @ network.visual.proj, image, atol=1e-5)
        assert torch.allclose(out.text[:1] @ network.text_projection, text, atol=1e-5)

    @pytest.mark.parametrize("shape", [(64, 64), (48, 70), (20, 24)])
    def test_frames_are_resized_and_cropped_as_clip_does(self, encoder, shape):
        """Against open_clip's own preprocessing, on a picture smooth enough for rounding."""
        rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]]
        picture = np.stack([rows * 2, columns * 2, rows + columns], -1).astype(np.uint8)
        by_clip = open_clip.image_transform(32, is_train=False)(Image.fromarray(picture))
        ours = encoder._prepare(torch.from_numpy(picture).permute(2, 0, 1)[None])[0]
        assert ours.shape == by_clip.shape == (3, 32, 32)
        assert torch.allclose(ours, by_clip, atol=0.05)

    def test_bytes_and_floats_are_the_same(self, encoder):
        frames = byte_frames(3)
        first, second = encoder.encode(frames), encoder.encode(frames.float() / 255)
        assert torch.allclose(first.image, second.image, atol=1e-5)

    def test_the_batch_size_does_not_matter(self, clip, encoder):
        other = OpenClipSemantics(model=TINY, weights=clip[1], batch=64)
        frames = byte_frames(5)
        assert torch.allclose(encoder.encode(frames).image, other.encode(frames).image, atol=1e-5)

    def test_action_units_make_the_text(self, clip, encoder):
        network, _ = clip
        values = torch.tensor([[1.0, 2.0], [0.0, 2.0], [1.0, 1.0]])
        signals = Signals(values, torch.ones(3, 2, dtype=torch.bool), ("AU04_c", "AU04_r"))
        out = encoder.encode(byte_frames(3), signals)
        assert torch.equal(out.text[0], out.text[2])
        assert not torch.allclose(out.text[0], out.text[1])
        with torch.no_grad():
            text = network.encode_text(open_clip.tokenize([sentence([4]), sentence([])]))
        assert torch.allclose(out.text[:2] @ network.text_projection, text, atol=1e-5)

    def test_each_sentence_is_encoded_once(self, encoder, monkeypatch):
        encoder.encode(byte_frames(1))
        network = encoder._network

        def forbidden(*_):
            raise AssertionError("a known sentence was encoded again")

        monkeypatch.setattr(network, "encode_text", forbidden)
        assert len(encoder.encode(byte_frames(4)).text) == 4

    def test_a_sentence_is_the_same_in_any_company(self, clip):
        """Bit for bit, so that going on after a kill makes what an uncut run makes."""
        rows = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.0, 0.0]])
        names = ("AU04_c", "AU12_c")
        vectors = []
        for order in ([0, 1, 2, 3], [3, 2, 1, 0], [2, 2, 2, 2]):
            values = rows[order]
            signals = Signals(values, torch.ones(4, 2, dtype=torch.bool), names)
            fresh = OpenClipSemantics(model=TINY, weights=clip[1])
            text = fresh.encode(byte_frames(4), signals).text
            vectors.append(text[order.index(2)])
        assert torch.equal(vectors[0], vectors[1])
        assert torch.equal(vectors[0], vectors[2])

    def test_prompts_are_the_sentences_of_the_frames(self, encoder):
        values = torch.tensor([[1.0, 2.0], [0.0, 2.0]])
        signals = Signals(values, torch.ones(2, 2, dtype=torch.bool), ("AU04_c", "AU04_r"))
        frames = byte_frames(2)
        assert encoder.prompts(frames, signals) == [sentence([4]), sentence([])]
        assert encoder.prompts(frames) == [FIXED_SENTENCE] * 2

    def test_action_units_can_be_left_out(self, clip):
        off = OpenClipSemantics(model=TINY, weights=clip[1], action_units=False)
        signals = Signals(torch.ones(2, 1), torch.ones(2, 1, dtype=torch.bool), ("AU04_c",))
        frames = byte_frames(2)
        assert off.prompts(frames, signals) == [FIXED_SENTENCE] * 2
        assert torch.equal(off.encode(frames, signals).text, off.encode(frames).text)
        default = OpenClipSemantics(model=TINY, weights=clip[1])
        assert off.fingerprint() == default.fingerprint(), "signals are the cache's to tell apart"

    def test_autocast_around_it_changes_nothing(self, encoder):
        frames = byte_frames(3)
        plain = encoder.encode(frames)
        encoder._sentences.clear()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            under = encoder.encode(frames)
        assert under.image.dtype == under.text.dtype == torch.float32
        assert torch.equal(under.image, plain.image)
        assert torch.equal(under.text, plain.text)

    def test_the_network_is_let_go_and_comes_back(self, encoder):
        frames = byte_frames(2)
        before = encoder.encode(frames)
        encoder.release()
        assert encoder._network is None
        assert torch.equal(encoder.encode(frames).image, before.image)

    def test_its_folder_is_named_after_model_and_training(self, encoder):
        assert OpenClipSemantics().short_name == "clip-vit-b-32-openai"
        assert encoder.short_name == "clip"

    def test_signals_without_action_units_leave_the_fixed_sentence(self, encoder):
        signals = Signals(torch.rand(2, 1), torch.ones(2, 1, dtype=torch.bool), ("pose_Rx",))
        frames = byte_frames(2)
        assert torch.equal(encoder.encode(frames, signals).text, encoder.encode(frames).text)

    def test_it_is_frozen(self, encoder):
        out = encoder.encode(byte_frames(1))
        assert not out.image.requires_grad
        assert not encoder._network.training
        assert not any(p.requires_grad for p in encoder._network.parameters())

    def test_describe_says_what_the_text_is(self, encoder):
        assert FIXED_SENTENCE in encoder.describe(action_units=False)
        assert FIXED_SENTENCE not in encoder.describe(action_units=True)
        assert FIXED_SENTENCE in encoder.describe()
        assert OpenClipSemantics().describe().startswith("CLIP ViT-B-32 openai, frozen")

    def test_the_published_model_has_the_papers_sizes(self):
        encoder = OpenClipSemantics()
        assert (encoder.text_dim, encoder.image_dim) == (512, 768)

    def test_the_activation_is_that_of_the_training(self):
        """OpenAI trained ViT-B/32 with QuickGELU, LAION's tags without."""
        assert OpenClipSemantics(tag="openai")._config["quick_gelu"] is True
        assert OpenClipSemantics(tag="laion2b_s34b_b79k")._config["quick_gelu"] is False

    def test_the_fingerprint_follows_weights_and_config(self, clip, encoder, tmp_path):
        again = OpenClipSemantics(model=TINY, weights=clip[1], batch=7)
        assert encoder.fingerprint() == again.fingerprint()
        other = tmp_path / "other.pth"
        torch.save({}, other)
        assert OpenClipSemantics(model=TINY, weights=other).fingerprint() != again.fingerprint()
        tags = {OpenClipSemantics(tag=t).fingerprint() for t in ("openai", "laion400m_e32")}
        assert len(tags) == 2

    def test_missing_weights_name_file_and_both_ways_on(self, tmp_path):
        path = tmp_path / "none.pth"
        with pytest.raises(FileNotFoundError, match=r"none\.pth do not.*weights=FILE.*StandIn"):
            OpenClipSemantics(weights=path)

    def test_a_hub_out_of_reach_names_file_and_both_ways_on(self, monkeypatch, tmp_path):
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
        monkeypatch.setattr(open_clip, "CLIP", lambda **_: pytest.fail("built before fetching"))
        with pytest.raises(FileNotFoundError) as caught:
            OpenClipSemantics().encode(byte_frames(1))
        for part in ("ViT-B-32 openai", "open_clip_model", "weights=FILE", "StandInSemantics"):
            assert part in str(caught.value)

    def test_weights_of_another_model_are_refused(self, clip):
        wider = {**TINY, "text_cfg": {**TINY["text_cfg"], "width": 32}}
        with pytest.raises(ValueError, match=r"tiny\.pth does not hold this CLIP"):
            OpenClipSemantics(model=wider, weights=clip[1]).encode(byte_frames(1))

    @pytest.mark.parametrize(
        ("arguments", "match"),
        [
            ({"model": "ViT-B-33"}, "open_clip has no model 'ViT-B-33'"),
            ({"model": "hf-hub:somebody/clip"}, "open_clip has no model 'hf-hub:somebody/clip'"),
            ({"model": "local-dir:/home/somebody"}, "open_clip has no model 'local-dir:"),
            (
                {"model": {**TINY, "text_cfg": {"hf_model_name": "somebody/text", "width": 8}}},
                "plain CLIP with a vision transformer",
            ),
            ({"tag": "openia"}, "ViT-B-32 has no tag 'openia'; it has .*openai"),
            ({"model": "RN50"}, "plain CLIP with a vision transformer"),
            ({"model": TINY}, "no weights on a hub"),
            ({"batch": 0}, "batch is at least 1; got 0"),
            ({"action_units": "no"}, "action_units is True, False or None; got 'no'"),
        ],
    )
    def test_wrong_arguments_are_refused(self, arguments, match):
        with pytest.raises(ValueError, match=match):
            OpenClipSemantics(**arguments)

    def test_wrong_input_is_refused(self, encoder):
        with pytest.raises(ValueError, match=r"frames \(T, 3, H, W\); got \(4, 6\)"):
            encoder.encode(torch.rand(4, 6))
        signals = Signals(torch.ones(3, 1), torch.ones(3, 1, dtype=torch.bool), ("AU01_c",))
        with pytest.raises(ValueError, match="2 frames came with signals of 3"):
            encoder.encode(byte_frames(2), signals)

    def test_a_checkpoint_names_the_language_model_by_file_and_content(self, clip, encoder):
        told = encoder.carried()
        assert told["type"] == "OpenClipSemantics"
        assert told["file"] == clip[1].name
        assert told["sha256"] == hashlib.sha256(clip[1].read_bytes()).hexdigest()
        assert not any(isinstance(value, torch.Tensor) for value in told.values())


class TestStandIn:
    def test_sizes_are_those_of_clip(self, tmp_path):
        encoder = SEMANTICS.build(
            {"type": "StandInSemantics", "stage": stage(tmp_path / "s.pth"), "seed": 3}
        )
        out = encoder.encode(torch.rand(5, 6))
        assert out.text.shape == (5, encoder.text_dim) == (5, 512)
        assert out.image.shape == (5, encoder.image_dim) == (5, 768)
        assert out.text.dtype == out.image.dtype == torch.float32
        assert encoder.needs == "vector"

    def test_the_text_follows_the_units_that_the_head_sees(self, tmp_path):
        """intensity = 0.5 · entry + 0.1, so that 0.2 is passed above an entry of 0.2."""
        encoder = StandInSemantics(stage=stage(tmp_path / "s.pth"), threshold=0.2)
        rows = torch.zeros(6, 6)
        rows[0, 0] = rows[1, 0] = 0.3  # AU1 alone, twice
        rows[2, :2] = 0.3  # AU1 and AU4
        rows[3, 2] = 5.0  # gaze only, which is no action unit
        rows[4, 0] = 0.19  # below the threshold
        text = encoder.encode(rows).text
        assert torch.equal(text[0], text[1])
        assert torch.equal(text[3], text[5])
        assert torch.equal(text[4], text[5])
        assert torch.cosine_similarity(text[0], text[2], dim=0) > 0.6
        assert torch.cosine_similarity(text[0], text[5], dim=0).abs() < 0.2

    def test_a_sentence_is_the_scaled_mean_of_its_phrases(self, tmp_path):
        encoder = StandInSemantics(stage=stage(tmp_path / "s.pth"))
        rows = torch.eye(6)[[0, 1, 3]]
        one, two, three = encoder.encode(rows).text
        together = encoder.encode(torch.tensor([[1.0, 1.0, 0.0, 1.0, 0.0, 0.0]])).text[0]
        mean = (one + two + three) / 3
        expected = mean / mean.norm() * np.sqrt(512)
        assert torch.allclose(together, expected, atol=1e-4)
        assert together.norm() == pytest.approx(np.sqrt(512), rel=1e-5)

    def test_prompts_name_the_units_that_the_text_is_made_of(self, tmp_path):
        encoder = StandInSemantics(stage=stage(tmp_path / "s.pth"))
        rows = torch.eye(6)[[0, 1, 2]]
        assert encoder.prompts(rows) == [sentence([1]), sentence([4]), sentence([])]
        assert encoder.action_units is False
        assert encoder.short_name == "standinsemantics"

    def test_the_image_is_a_linear_map_of_the_vector(self, tmp_path):
        encoder = StandInSemantics(stage=stage(tmp_path / "s.pth"))
        a, b = torch.randn(2, 4, 6)
        both = encoder.encode(2 * a + b).image
        assert torch.allclose(
            both, 2 * encoder.encode(a).image + encoder.encode(b).image, atol=1e-4
        )
        wide = StandInSemantics(stage=stage(tmp_path / "w.pth", width=512))
        vector = torch.randn(1, 512)
        ratio = wide.encode(vector).image.std() / vector.std()
        assert ratio == pytest.approx(1.0, abs=0.15)

    def test_it_is_the_same_on_every_machine(self, tmp_path):
        """The first entries of a phrase's vector, as SHA-256 and PCG64 define them."""
        out = StandInSemantics(stage=stage(tmp_path / "s.pth")).encode(torch.eye(6)[:1])
        seed = int.from_bytes(hashlib.sha256(b"phrase 0 inner brow raiser").digest())
        expected = np.random.Generator(np.random.PCG64(seed)).standard_normal(512)
        expected *= np.sqrt(512) / np.linalg.norm(expected)
        assert np.allclose(out.text[0].numpy(), expected, atol=1e-5)

    def test_the_seed_changes_everything(self, tmp_path):
        path = stage(tmp_path / "s.pth")
        first, second = StandInSemantics(stage=path, seed=0), StandInSemantics(stage=path, seed=1)
        rows = torch.eye(6)[:1]
        assert not torch.allclose(first.encode(rows).text, second.encode(rows).text)
        assert not torch.allclose(first.encode(rows).image, second.encode(rows).image)
        assert first.fingerprint() != second.fingerprint()

    def test_the_fingerprint_follows_the_stage(self, tmp_path):
        first = stage(tmp_path / "a.pth")
        second = stage(tmp_path / "b.pth", meta={"seed": 1})
        again = StandInSemantics(stage=first).fingerprint()
        assert StandInSemantics(stage=first).fingerprint() == again
        assert StandInSemantics(stage=second).fingerprint() != again
        assert StandInSemantics(stage=first, threshold=0.3).fingerprint() != again

    def test_it_can_be_made_of_what_a_checkpoint_carries(self, tmp_path):
        path = stage(tmp_path / "s.pth")
        encoder = StandInSemantics(stage=path, seed=3, threshold=0.1)
        torch.save(encoder.carried(), tmp_path / "carried.pth")
        path.unlink()
        again = SEMANTICS.build(torch.load(tmp_path / "carried.pth", weights_only=True))
        rows = torch.rand(7, 6)
        assert torch.equal(again.encode(rows).text, encoder.encode(rows).text)
        assert torch.equal(again.encode(rows).image, encoder.encode(rows).image)
        assert again.fingerprint() == encoder.fingerprint()
        assert str(tmp_path) not in str(again.carried())

    def test_one_frame_is_the_same_alone(self, tmp_path):
        encoder = StandInSemantics(stage=stage(tmp_path / "s.pth"))
        rows = torch.rand(7, 6)
        whole, alone = encoder.encode(rows), encoder.encode(rows[3:4])
        assert torch.allclose(whole.text[3], alone.text[0])
        assert torch.allclose(whole.image[3], alone.image[0], atol=1e-6)

    def test_no_frames_give_no_vectors(self, tmp_path):
        out = StandInSemantics(stage=stage(tmp_path / "s.pth")).encode(torch.rand(0, 6))
        assert out.text.shape == (0, 512)
        assert out.image.shape == (0, 768)

    def test_describe_says_that_it_is_a_stand_in(self, tmp_path):
        described = StandInSemantics(stage=stage(tmp_path / "s.pth")).describe()
        assert described.startswith("stand-in for CLIP")

    def test_a_vector_of_another_trunk_is_refused(self, tmp_path):
        encoder = StandInSemantics(stage=stage(tmp_path / "s.pth"))
        with pytest.raises(ValueError, match=r"vectors \(T, 6\).*got \(2, 8\)"):
            encoder.encode(torch.rand(2, 8))

    def test_a_checkpoint_without_a_head_is_refused(self, tmp_path):
        with pytest.raises(ValueError, match="has no au_head: it is no pretraining stage's"):
            StandInSemantics(stage=stage(tmp_path / "s.pth", au_head=None))
        other = ["gaze_down", "pitch_down", "yaw", "roll"]
        with pytest.raises(ValueError, match=r"none of the columns .* is an action unit"):
            StandInSemantics(stage=stage(tmp_path / "t.pth", columns=other))
        with pytest.raises(FileNotFoundError, match=r"gone\.pth do not exist"):
            StandInSemantics(stage=tmp_path / "gone.pth")
