"""The words that a large shop is made of. What is said matters less here than that it is as long as in a real one."""

FABRICS = ("Linen", "Merino", "Cotton", "Corduroy", "Flannel", "Silk", "Poplin", "Jersey", "Velvet", "Denim", "Muslin")
STYLES = ("Smocked", "Quilted", "Ribbed", "Striped", "Pleated", "Checked", "Printed", "Knitted", "Tailored", "Wrap")
GARMENTS = (
    "Dress",
    "Cardigan",
    "Shirt",
    "Trousers",
    "Coat",
    "Skirt",
    "Jumper",
    "Pyjamas",
    "Blouse",
    "Jacket",
    "Romper",
)
COLORS = ("Oat", "Ink", "Moss", "Chalk", "Rust", "Sky", "Plum", "Slate", "Rose", "Navy", "Sand", "Fir")
MAKERS = ("Corrin", "Fernwick", "Otterby", "Haverlight", "Plumbell", "Pebblewick", "Solenne", "Sommerwiese")

DESCRIPTIONS = (
    "Cut a little looser than last year's, from cloth that was washed before it was sewn.",
    "Seams are flat, buttons are sewn on twice, and the pockets are as deep as they look.",
    "It was fitted on eleven people of different shapes, and changed after nine of them.",
    "The hem is turned twice, so that it can be let down when somebody has grown.",
    "Made in a workshop of fourteen people, one of whom will have signed the label.",
    "Soft from the first day and softer from the tenth; the colour stays where it is.",
    "Warm enough for a bench in October and light enough for the walk home from it.",
)
CARE = "Machine wash at 30° with similar colours. Pull into shape while damp, line dry, iron warm."

TITLES = (
    "As described",
    "Worn every day",
    "Better than expected",
    "A little long",
    "Would buy again",
    "For the price",
    "Lovely cloth",
)
OPINIONS = (
    "It fits as the size chart says, which is rarer than one would think.",
    "Washed a dozen times so far, and neither the colour nor the shape has gone.",
    "The sleeves were long for me, so I had them shortened; you cannot see it.",
    "Softer than it looks in the picture, and a good deal warmer.",
    "I wanted to find something wrong with it and have not managed to.",
    "Arrived quickly and well packed. The second one is already ordered.",
)

FIRST_NAMES = (
    "Ada", "Bruna", "Cecily", "Daria", "Edith", "Frida", "Greta", "Hedda", "Imogen", "Judit", "Kaya", "Leonie", "Mina",
    "Nadia", "Odile", "Petra", "Quilla", "Rosa", "Sunniva", "Thea", "Una", "Vera", "Wilma", "Yara", "Zelda",
)  # fmt: skip
LAST_NAMES = (
    "Abbot", "Brandt", "Calloway", "Duval", "Ekström", "Fairley", "Grünwald", "Hartigan", "Iversen", "Jardine",
    "Kowalska", "Lambert", "Marsh", "Novak", "Osei", "Pereira", "Quinlan", "Rossi", "Sato", "Thorne", "Ueda", "Vance",
)  # fmt: skip
STREETS = (
    "Orchard Street",
    "Mill Lane",
    "Station Road",
    "Chestnut Avenue",
    "Harbour Walk",
    "Garden Row",
    "Bell Street",
)
# City, region, postal code, country.
PLACES = (
    ("Portland", "OR", "97201", "US"), ("Berlin", None, "10437", "DE"), ("Austin", "TX", "78704", "US"),
    ("Lyon", None, "69001", "FR"), ("Seattle", "WA", "98105", "US"), ("Wien", None, "1070", "AT"),
    ("London", None, "EC1R 1UU", "GB"), ("Toronto", "ON", "M6G 2P2", "CA"), ("Chicago", "IL", "60614", "US"),
    ("Amsterdam", None, "1013 HD", "NL"), ("Brooklyn", "NY", "11201", "US"), ("Dublin", "Co. Dublin", "D08 X4P2", "IE"),
)  # fmt: skip
