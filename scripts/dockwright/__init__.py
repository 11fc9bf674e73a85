"""dockwright: build, test and publish Deep Learning Container images from one version manifest."""

__version__ = "0.1.0"
