import { urql } from './clients/urql.ts'
import { goThroughTheShop } from './journeys/index.ts'

goThroughTheShop(urql)
