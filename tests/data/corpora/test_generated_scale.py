"""Generated corpora: their scores are nobody's, and are not called BDI-II."""

from dataclasses import replace

from adabench.data.corpora.generated import Synthface2013Reader, SynthfaceReader
from adabench.data.prepared import CorpusDescription
from adabench.evaluation import BDI_II


def test_drawn_scores_have_the_bdi_ii_s_range_and_levels_and_another_name():
    for reader in (SynthfaceReader, Synthface2013Reader):
        assert reader.scale.name == "drawn score"
        assert reader.scale.points == "drawn score points"
        assert replace(reader.scale, name=BDI_II.name) == BDI_II


def test_a_generated_corpus_s_description_names_it():
    description = CorpusDescription(
        "synthface", "synthface", False, {"size": 64}, None, SynthfaceReader.scale
    )
    plain = description.plain()
    assert plain["scale"]["name"] == "drawn score"
    assert CorpusDescription.from_plain(plain) == description
