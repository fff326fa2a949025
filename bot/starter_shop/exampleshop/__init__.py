"""exampleshop as the system behind a shop of Zhanggui."""
