/**
 * The names of time zones, as Go reads them from the tz database: capitals count (`europe/rome` is none), older names for a zone are as
 * good as its own, and an offset is no name. The runtime lists one name a zone, and takes any capitals: what it does not list stands here.
 */

/** Other names for zones, by area. */
const otherNames: Readonly<Record<string, string>> = {
  Africa: 'Asmara Timbuktu',
  America:
    'Argentina/Buenos_Aires Argentina/Catamarca Argentina/ComodRivadavia Argentina/Cordoba Argentina/Jujuy Argentina/Mendoza Atikokan Atka Ensenada Fort_Wayne Indiana/Indianapolis Kentucky/Louisville Knox_IN Montreal Nipigon Nuuk Pangnirtung Porto_Acre Rainy_River Rosario Santa_Isabel Shiprock Thunder_Bay Virgin Yellowknife',
  Antarctica: 'South_Pole',
  Asia: 'Ashkhabad Choibalsan Chongqing Chungking Dacca Harbin Ho_Chi_Minh Istanbul Kashgar Kathmandu Kolkata Macao Tel_Aviv Thimbu Ujung_Pandang Ulan_Bator Yangon',
  Atlantic: 'Faroe Jan_Mayen',
  Australia: 'ACT Canberra Currie LHI NSW North Queensland South Tasmania Victoria West Yancowinna',
  Brazil: 'Acre DeNoronha East West',
  '': 'CET CST6CDT Cuba EET EST EST5EDT Egypt Eire Factory GB GB-Eire GMT GMT+0 GMT-0 GMT0 Greenwich HST Hongkong Iceland Iran Israel Jamaica Japan Kwajalein Libya MET MST MST7MDT NZ NZ-CHAT Navajo PRC PST8PDT Poland Portugal ROC ROK Singapore Turkey UCT UTC Universal W-SU WET Zulu',
  Canada: 'Atlantic Central Eastern Mountain Newfoundland Pacific Saskatchewan Yukon',
  Chile: 'Continental EasterIsland',
  Etc: 'GMT GMT+0 GMT+1 GMT+10 GMT+11 GMT+12 GMT+2 GMT+3 GMT+4 GMT+5 GMT+6 GMT+7 GMT+8 GMT+9 GMT-0 GMT-1 GMT-10 GMT-11 GMT-12 GMT-13 GMT-14 GMT-2 GMT-3 GMT-4 GMT-5 GMT-6 GMT-7 GMT-8 GMT-9 GMT0 Greenwich UCT UTC Universal Zulu',
  Europe: 'Belfast Kyiv Nicosia Tiraspol Uzhgorod Zaporozhye',
  Mexico: 'BajaNorte BajaSur General',
  Pacific: 'Chuuk Johnston Kanton Pohnpei Samoa Yap',
  US: 'Alaska Aleutian Arizona Central East-Indiana Eastern Hawaii Indiana-Starke Michigan Mountain Pacific Samoa',
};

let listed: ReadonlySet<string> | undefined;
let inSmallLetters: ReadonlySet<string> | undefined;

function readNames(): ReadonlySet<string> {
  const others = Object.entries(otherNames).flatMap(([area, names]) =>
    names.split(' ').map((name) => (area === '' ? name : `${area}/${name}`)),
  );
  return new Set([...Intl.supportedValuesOf('timeZone'), ...others]);
}

export function isTimeZone(zone: string): boolean {
  listed ??= readNames();
  if (listed.has(zone)) return true;
  inSmallLetters ??= new Set([...listed].map((name) => name.toLowerCase()));
  return !inSmallLetters.has(zone.toLowerCase()) && !/^[-+]/.test(zone) && isKnownToRuntime(zone);
}

/** Zones that came into the database after the list was made. */
function isKnownToRuntime(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).format(0) !== '';
  } catch {
    return false;
  }
}

/** Formatting is slow to set up and holds a good deal of memory; more zones than this take turns. */
const formatsMax = 64;
const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known !== undefined) return known;
  const oldest = formats.size >= formatsMax ? formats.keys().next().value : undefined;
  if (oldest !== undefined) formats.delete(oldest);
  const fields = { year: 'numeric', month: '2-digit', day: '2-digit' } as const;
  const time = { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' } as const;
  const format = new Intl.DateTimeFormat('en-US', { timeZone: zone, ...fields, ...time });
  formats.set(zone, format);
  return format;
}

/** How far the clocks of `zone` are ahead of UTC at `atMs` (ms since the epoch), in ms. `Local` is UTC: every server must find the same. */
export function zoneOffsetMs(zone: string, atMs: number): number {
  if (zone === 'UTC' || zone === 'Local') return 0;
  const second = Math.floor(atMs / 1000) * 1000;
  const parts: Record<string, string> = {};
  for (const { type, value } of formatOf(zone).formatToParts(second)) parts[type] = value;
  const number = (name: string): number => Number(parts[name]);
  const wallMs = Date.UTC(
    number('year'),
    number('month') - 1,
    number('day'),
    number('hour'),
    number('minute'),
    number('second'),
  );
  return wallMs - second;
}
