"""Ways of training a Morse model, by name; nothing is imported to list them."""

RECIPES: dict[str, str] = {"table": "truing_morse.recipes.table:TableRecipe"}
