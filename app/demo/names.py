"""Names that the demo model knows: people, places, companies and books. What is in one row belongs
together."""

from __future__ import annotations

from typing import Final

FIRST: Final = (
    "Amara", "Jonas", "Mei", "Lucía", "Sam", "Noor", "Tomás", "Ingrid", "Kofi", "Priya", "Yuki",
    "Zoë", "Mateo", "Leila", "Anton", "Grace", "Hana", "Omar", "Clara", "Dev", "Elena", "Finn",
    "Rosa", "Wanjiru",
)  # fmt: skip
LAST: Final = (
    "Okafor", "Weber", "Tanaka", "Romero", "Ng", "Haddad", "Silva", "Lindqvist", "Mensah", "Sharma",
    "Mori", "Wicomb", "Herrera", "Farahani", "Novak", "Adeyemi", "Kim", "Rahman", "Dubois", "Patel",
    "Rossi", "O'Brien", "Castillo", "Kamau",
)  # fmt: skip
JOBS: Final = (
    "Product lead", "Researcher", "Head of design", "Editor", "Engineer", "Nurse", "Teacher",
    "Librarian", "Baker", "Architect", "Gardener", "Accountant",
)  # fmt: skip

PLACE: Final = (
    "street", "city", "postcode", "region", "country", "code", "venue", "zone", "latitude",
    "longitude",
)  # fmt: skip
PLACES: Final[tuple[tuple[str | float, ...], ...]] = (
    ("14 Mill Lane", "Leeds", "LS2 8PA", "West Yorkshire", "United Kingdom", "GB", "Old Library",
     "Europe/London", 53.8008, -1.5491),
    ("Rua das Flores 27", "Lisbon", "1200-195", "Lisbon", "Portugal", "PT", "Market Hall",
     "Europe/Lisbon", 38.7223, -9.1393),
    ("88 Ngong Road", "Nairobi", "00100", "Nairobi County", "Kenya", "KE", "Garden Pavilion",
     "Africa/Nairobi", -1.2921, 36.8219),
    ("305 Maple Avenue", "Portland", "97205", "Oregon", "United States", "US", "Riverside Center",
     "America/Los_Angeles", 45.5152, -122.6784),
    ("Lindenstraße 9", "Leipzig", "04109", "Saxony", "Germany", "DE", "Stadtbad",
     "Europe/Berlin", 51.3397, 12.3731),
    ("41 Rue Saint-Denis", "Montréal", "H2X 3K8", "Québec", "Canada", "CA", "Maison de la culture",
     "America/Toronto", 45.5019, -73.5674),
    ("Pikk 12", "Tallinn", "10123", "Harju", "Estonia", "EE", "Seaplane Harbour",
     "Europe/Tallinn", 59.437, 24.7536),
    ("Calle Sucre 130", "Quito", "170401", "Pichincha", "Ecuador", "EC", "Casa de las Artes",
     "America/Guayaquil", -0.1807, -78.4678),
    ("5 Teramachi Street", "Kyoto", "604-8081", "Kyoto Prefecture", "Japan", "JP",
    "Community Theatre",
     "Asia/Tokyo", 35.0116, 135.7681),
    ("62 Harbour Street", "Wellington", "6011", "Wellington Region", "New Zealand", "NZ",
    "Wharf Gallery",
     "Pacific/Auckland", -41.2866, 174.7756),
    ("Via Roma 18", "Bologna", "40121", "Emilia-Romagna", "Italy", "IT", "Teatro Nuovo",
     "Europe/Rome", 44.4949, 11.3426),
    ("7 Long Street", "Cape Town", "8001", "Western Cape", "South Africa", "ZA", "Assembly Rooms",
     "Africa/Johannesburg", -33.9249, 18.4241),
)  # fmt: skip

COMPANIES: Final = (
    "Northwind Studio", "Juniper & Co.", "Blue Door Bakery", "Alder Instruments", "Harbour Press",
    "Tern Logistics", "Fieldnote", "Marigold Foods", "Cobalt Analytics", "Greenline Cycles",
    "Lantern Books", "Quarry Works",
)  # fmt: skip
PRODUCTS: Final = (
    "Field Notebook", "Travel Kettle", "Desk Lamp Juno", "Folding Basket", "Linen Apron",
    "Pocket Scale", "Canvas Tote", "Enamel Mug", "Cork Board", "Wool Blanket", "Steel Bottle",
    "Garden Trowel",
)  # fmt: skip

BOOK: Final = ("title", "author", "year", "genre", "tags", "reason")
BOOKS: Final[tuple[tuple[str | int, ...], ...]] = (
    ("The Left Hand of Darkness", "Ursula K. Le Guin", 1969, "science fiction",
    "space travel winter",
     "A cold planet, two strangers, and a new way to think about both."),
    ("Things Fall Apart", "Chinua Achebe", 1958, "novel", "village history africa tradition",
     "Plain sentences, and a whole world that ends in them."),
    ("The Remains of the Day", "Kazuo Ishiguro", 1989, "novel", "work house travel england love",
     "A butler drives west and finds out what he has missed."),
    ("Pride and Prejudice", "Jane Austen", 1813, "novel", "love family marriage classic humour",
     "Still the funniest book about first impressions."),
    ("Frankenstein", "Mary Shelley", 1818, "novel", "science horror monster invention classic",
     "The creature speaks better than its maker, and has the better argument."),
    ("The Hobbit", "J. R. R. Tolkien", 1937, "fantasy", "adventure travel dragon children mountain",
     "There and back again, with a stop for second breakfast."),
    ("Beloved", "Toni Morrison", 1987, "novel", "history memory mother ghost",
     "It asks for courage, and gives it back."),
    ("The Name of the Rose", "Umberto Eco", 1980, "mystery", "mystery crime monastery library "
    "history",
     "A murder mystery in which the murderer's motive is a book."),
    ("Kitchen", "Banana Yoshimoto", 1988, "novel", "food cooking japan family grief kitchen",
     "Short, light and consoling, like a bowl of noodles at midnight."),
    ("Silent Spring", "Rachel Carson", 1962, "non-fiction", "nature environment birds garden "
    "science",
     "The book after which people listened to the birds."),
    ("A Room of One's Own", "Virginia Woolf", 1929, "essay", "writing women money history work",
     "An argument that reads like a walk with a witty friend."),
    ("The Summer Book", "Tove Jansson", 1972, "novel", "summer island family nature grandmother",
     "A girl, her grandmother and a small island: not a word too many."),
    ("Momo", "Michael Ende", 1973, "fantasy", "time children friend work city",
     "A child listens so well that even time gives in."),
    ("Pippi Longstocking", "Astrid Lindgren", 1945, "children's book",
    "children strong friend party humour",
     "The strongest girl in the world, and the least impressed."),
    ("The Little Prince", "Antoine de Saint-Exupéry", 1943, "fable",
    "space travel friend children flower",
     "It takes an hour to read and rather longer to forget."),
    ("One Hundred Years of Solitude", "Gabriel García Márquez", 1967, "novel",
    "family village history rain",
     "A family, a village, and rain that doesn't stop for years."),
)  # fmt: skip
