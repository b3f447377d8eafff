/** The shop under test, as the environment tells. */
function setting(name: string): string {
  const value = process.env[name]
  if (!value) throw new Error(`${name} is not set`)
  return value
}

export const shop = {
  /** Where the API is. */
  api: `${setting('SHOP_URL')}/graphql`,
  /** Where the shop keeps its things, its outgoing mail among them. */
  home: setting('SHOP_HOME'),
  /** The password of the seeded customers. */
  password: setting('SHOP_PASSWORD'),
}
