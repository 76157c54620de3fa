"""How good scores are: of this toolkit's detectors or of anyone's."""
