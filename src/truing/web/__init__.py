"""The web app: pages for everything a person does with Truing, and the API beneath them."""
