"""Sentences for the mini corpus: subject + verb + complement, eight of each in eight languages."""

import random

PHRASES: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "en-us": (
        ("the baker", "my neighbour", "an old sailor", "the young doctor", "our teacher",
         "a quiet farmer", "the postman", "her cousin"),
        ("found", "painted", "was looking for", "has forgotten", "sold", "often describes",
         "repaired", "will bring"),
        ("a blue bicycle in the garden", "the letters from the harbour", "three boxes of apples",
         "the clock above the door", "some paper for the children", "a house near the forest",
         "the keys of the church", "one hundred small bells"),
    ),
    "de": (
        ("der Bäcker", "meine Nachbarin", "ein alter Fischer", "die junge Ärztin", "unser Lehrer",
         "das kleine Mädchen", "der Gärtner", "eine Freundin"),
        ("sucht", "findet", "verkauft", "vergisst", "beschreibt", "malt", "holt", "zeigt uns"),
        ("das blaue Fahrrad im Hof", "die Briefe aus dem Hafen", "drei Körbe mit Äpfeln",
         "die Uhr über der Tür", "ein Haus am Waldrand", "den Schlüssel der Kirche",
         "zwanzig bunte Steine", "eine Brücke über den Fluss"),
    ),
    "fr": (
        ("le boulanger", "ma voisine", "un vieux marin", "la jeune actrice", "notre professeur",
         "le facteur", "sa cousine", "un enfant calme"),
        ("cherche", "trouve", "vend", "oublie toujours", "décrit", "dessine", "répare", "apporte"),
        ("un vélo bleu dans le jardin", "les lettres du port", "trois paniers de pommes",
         "la pendule de la cuisine", "une maison près du bois", "les clefs de l'église",
         "cent petites cloches", "du papier pour l'école"),
    ),
    "es": (
        ("el panadero", "mi vecina", "un viejo marinero", "la joven doctora", "nuestro maestro",
         "el cartero", "su prima", "una niña tranquila"),
        ("busca", "encuentra", "vende", "olvida", "describe", "pinta", "repara", "trae"),
        ("una bicicleta azul en el jardín", "las cartas del puerto", "tres cajas de manzanas",
         "el reloj de la cocina", "una casa cerca del bosque", "las llaves de la iglesia",
         "cien campanas pequeñas", "papel para los niños"),
    ),
    "it": (
        ("il fornaio", "la mia vicina", "un vecchio marinaio", "la giovane dottoressa",
         "il nostro maestro", "il postino", "sua cugina", "una bambina tranquilla"),
        ("cerca", "trova", "vende", "dimentica", "descrive", "dipinge", "ripara", "porta"),
        ("una bicicletta blu nel giardino", "le lettere dal porto", "tre ceste di mele",
         "l'orologio della cucina", "una casa vicino al bosco", "le chiavi della chiesa",
         "cento piccole campane", "la carta per i bambini"),
    ),
    "pl": (
        ("piekarz", "moja sąsiadka", "stary rybak", "młoda lekarka", "nasz nauczyciel",
         "cicha dziewczynka", "listonosz", "jej kuzyn"),
        ("szuka", "znajduje", "sprzedaje", "maluje", "opisuje", "naprawia", "przynosi",
         "zapomina"),
        ("niebieski rower w ogrodzie", "listy z dalekiego portu", "trzy kosze jabłek",
         "zegar nad drzwiami", "dom w pobliżu lasu", "klucze do kościoła",
         "sto małych dzwonków", "papier dla dzieci"),
    ),
    "pt-br": (
        ("o padeiro", "minha vizinha", "um velho marinheiro", "a jovem doutora",
         "nosso professor", "o carteiro", "sua prima", "uma menina quieta"),
        ("procura", "encontra", "vende", "esquece", "descreve", "pinta", "conserta", "traz"),
        ("uma bicicleta azul no jardim", "as cartas do porto", "três caixas de laranjas",
         "o relógio da cozinha", "uma casa perto da floresta", "as chaves da igreja",
         "cem sinos pequenos", "papel para as crianças"),
    ),
    "sv": (
        ("bagaren", "min granne", "en gammal fiskare", "den unga läkaren", "vår lärare",
         "brevbäraren", "hennes kusin", "en tyst flicka"),
        ("söker", "hittar", "säljer", "glömmer", "beskriver", "målar", "lagar", "hämtar"),
        ("en blå cykel i trädgården", "breven från hamnen", "tre lådor med äpplen",
         "klockan över dörren", "ett hus nära skogen", "nycklarna till kyrkan",
         "hundra små klockor", "papper till barnen"),
    ),
}  # fmt: skip


def random_sentence(language: str, rng: random.Random) -> str:
    """One sentence of the language, e.g. `the baker found the letters from the harbour.`"""
    return " ".join(rng.choice(slot) for slot in PHRASES[language]) + "."
