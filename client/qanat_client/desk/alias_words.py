"""The words that aliases are made of: 256 that describe and 256 that name.

None of them says anything of whoever bears it: no people, faith, party or weapon, and nothing that
could be taken for a word on how far to trust them.
"""

from typing import Final

__all__ = ["ADJECTIVES", "NOUNS"]

_DESCRIBING: Final = """
    airy alpine amber ample ancient aquatic arctic ashen autumn azure balmy blazing blithe bold
    bouncy brass breezy bright brisk broad bronze bubbly bulky calm carved casual cedar chalky
    cheery circular civil classic clever cloudy cobalt cold comic compact cool copper cordial
    cosmic cosy cotton creamy crimson crystal curious curly cyan dainty damp daring deep deft
    dense desert dewy distant dotted double downy dreamy dry dusty eager early earthy easy
    elastic electric elegant emerald enormous evening fearless feathery fern festive fiery
    filmy flaky flat fleet flexible floating floral foamy forest fragrant fresh friendly frosty
    furry fuzzy gallant gentle giant glad glassy gleaming glossy golden grand grassy grateful
    green grey hardy harvest hazy hearty hollow humble humid icy inland inner iron ivory jade
    jaunty jovial juicy keen khaki kind large lavender leafy lean lemon level lilac limber lime
    linen little lively long loud lucid lucky lunar magenta marble marine maroon meadow mellow
    merry mild milky minty misty modest mossy musical narrow navy neat nimble oaken oblong
    ochre olive opal orange oval pale paper pastel patient pearl placid plaid plain playful
    plum plush polished polite prairie prime proud purple quick ribbed rolling rosy round ruby
    rustic sable saffron sandy satin serene shaded sharp shiny silent silken slender slim small
    smoky smooth snowy soft solar sonic southern spacious sparkling spring square steady
    stellar sturdy sunlit tall tangy tawny teal thrifty tidy timber topaz tranquil tropical
    tulip twin upland upper urban vast velvet vernal vibrant violet vivid warm wavy western
    white wide wild willow windy wooden woollen woven yellow young zesty
"""

_NAMING: Final = """
    albatross alder almond anchor antelope apple apricot arch aspen avocado badger bagel bamboo
    banjo barley basil basket beacon beetle bell birch bison blossom bluebell boat bobcat
    bonnet bottle bramble bridge brook broom bucket buffalo button cabin cactus camera canal
    candle canoe canyon caravan carpet carrot castle catfish cello cherry chestnut chimney
    cicada cinnamon citrus clarinet cliff clover cobbler coconut comet compass condor cormorant
    corner cottage cradle cricket crocus cuckoo cup curtain cypress daffodil dahlia daisy
    diamond dolphin dove dragonfly drum dune eagle elk elm ember ferry fiddle fig finch firefly
    flamingo flask flute fountain gable galaxy garden garlic gazelle gecko geyser ginger
    giraffe glacier granary grape guitar gull hammock harbour hare hawthorn hazelnut hedgehog
    heron hill honeycomb horizon hornbeam ibex ibis igloo inkwell island ivy jackdaw jaguar
    jasmine jetty juniper kayak kestrel kite kiwi koala ladder ladle lagoon lake lantern larch
    lark leopard lighthouse lily linnet llama lobster lotus lute lynx magpie maize mallow mango
    marigold marten meteor millet mirror mole mountain mulberry mushroom napkin nectar needle
    newt nutmeg oasis ocean octopus onion orchard oriole osprey otter owl oyster paddle papaya
    parrot parsley peach peacock pebble pelican pencil penguin petal piano pillow pine planet
    plover pocket pomelo pond poplar prism pumpkin puzzle quail quartz quill quince rabbit
    raccoon rainbow raspberry raven reed ribbon river robin rocket rose rosemary saddle sail
    salmon sandal saucer saxophone seal shell shore spinach spoon spruce squirrel stork stream
    sunflower swallow swan tambourine thicket thistle thrush thyme turnip turtle valley vanilla
    violin walrus waterfall weasel whale wheat whistle window wren yarrow zebra
"""

ADJECTIVES: Final = tuple(_DESCRIBING.split())
NOUNS: Final = tuple(_NAMING.split())
