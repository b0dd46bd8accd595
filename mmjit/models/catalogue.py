"""The models that come with mmjit."""

from typing import Final

from mmjit.models.cst import CST
from mmjit.models.hawkes import HAWKES
from mmjit.models.plans import Model
from mmjit.models.santa_fe import SANTA_FE

MODELS: Final[tuple[Model, ...]] = (CST, SANTA_FE, HAWKES)
