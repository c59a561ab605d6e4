"""For authors of plugins and for our own tests: factories, fakes, conformance suites."""
