# The same over neighbouring frames: segments spread over the clip, which has to move as it did.
_base_ = "estimator.py"

_segments = dict(_delete_=True, type="SegmentView", length=5, segments=100, place="even")
views = dict(test=_segments)
demo = dict(views=dict(test=_segments))
