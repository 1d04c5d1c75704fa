/** Random container names: an adjective and someone who moved a field on (moby pkg/namesgenerator, own lists). */
import { randomInt } from 'node:crypto';

const ADJECTIVES =
  'able airy alert amber ample apt bold brave breezy bright brisk calm candid careful cheery clear clever cosy crisp curious daring deft eager earnest easy fair fleet focused fond frank free fresh gentle gifted glad golden good grand happy hardy hearty helpful honest hopeful humble jolly jovial keen kind level light lively loyal lucid lucky mellow merry mild modest neat nimble noble open patient placid plucky polite proud quick quiet ready sharp smart snug sober solid spry steady sturdy subtle sunny sure swift tidy trim true trusty upbeat vivid warm wise witty zesty'.split(
    ' ',
  );
const SURNAMES =
  'abel agnesi allen archimedes aryabhata babbage banach bardeen bell bhabha bohr boole bose brahmagupta brattain carson cerf chandra cori cray curie darwin davinci dijkstra dirac easley edison einstein elion engelbart euclid euler fermat fermi feynman franklin galileo galois gauss germain goldberg goodall haibt hamilton hawking heisenberg hermann herschel hertz hopper hypatia jackson jang jemison johnson kalam kare keller kepler khorana kilby kirch knuth kowalevski lalande lamarr lamport leakey leavitt lewin lichterman liskov lovelace lumiere mahavira mayer mccarthy mcclintock mclean meitner mendel mendeleev mestorf mirzakhani morse murdock neumann newton nightingale nobel noether northcutt noyce panini pare pasteur payne perlman pike poincare poitras ptolemy raman ramanujan ride ritchie roentgen rosalind saha sammet shannon shaw shirley shockley sinoussi snyder spence stallman stonebraker swanson swartz swirles tesla thompson torvalds turing varahamihira villani wescoff wiles williams wilson wing wozniak wright yalow yonath'.split(
    ' ',
  );

const pick = (words: readonly string[]): string => words[randomInt(words.length)] ?? 'calm';

/** `calm_hopper`; a digit is added from the second attempt on. Never `boring_wozniak`: boring is no word of ours. */
export function randomName(attempt: number): string {
  const name = `${pick(ADJECTIVES)}_${pick(SURNAMES)}`;
  return attempt === 0 ? name : `${name}${randomInt(10)}`;
}
