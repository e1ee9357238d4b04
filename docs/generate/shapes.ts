/** The types of what a run writes: they are inferred from validators, and a name of a validator is no shape to read. */
import { toJsonSchemaDefs } from '@valibot/to-json-schema'
import * as validate from '../../results/validate.ts'

interface Schema {
  readonly type?: string
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: Schema
  readonly description?: string
  readonly $ref?: string
}

const VALIDATORS: Readonly<Record<string, unknown>> = { ...validate }

/** `Frozen<InferOutput<typeof validate.runSummary>>` */
const INFERRED = /^type (\w+) = .*typeof validate\.(\w+)/s

/**
 * Writes declarations that are inferred from a validator as what they come to. All of them at once, since they name each
 * other.
 * @param codes declarations, as tsc emits them
 * @returns the same, in the same order
 */
export function withShapes(codes: readonly string[]): string[] {
  const inferred = codes.flatMap(code => {
    const [, name, validator] = INFERRED.exec(code) ?? []
    return name === undefined ? [] : [[name, VALIDATORS[validator!]] as const]
  })
  const schemas = toJsonSchemaDefs(Object.fromEntries(inferred) as never, { errorMode: 'ignore' })
  return codes.map(code => {
    const name = INFERRED.exec(code)?.[1]
    return name === undefined ? code : `type ${name} = ${typeOf(schemas[name as never], '')};`
  })
}

function typeOf(schema: Schema, indent: string): string {
  const { $ref, enum: values, anyOf, allOf, type, items, properties, required = [], additionalProperties } = schema
  if ($ref !== undefined) return $ref.split('/').at(-1)!
  if ('const' in schema) return literal(schema.const)
  if (values !== undefined) return values.map(literal).join(' | ')
  if (anyOf !== undefined) return anyOf.map(one => typeOf(one, indent)).join(' | ')
  if (allOf !== undefined) return typeOf(allOf[0]!, indent)
  if (type === 'array') {
    const of = items === undefined ? 'unknown' : typeOf(items, indent)
    return / \| /.test(of) && !of.startsWith('{') ? `(${of})[]` : `${of}[]`
  }
  if (properties !== undefined) {
    const deeper = `${indent}  `
    const lines = Object.entries(properties).flatMap(([name, property]) => [
      ...(property.description === undefined ? [] : [`${deeper}/** ${property.description} */`]),
      `${deeper}${name}${required.includes(name) ? '' : '?'}: ${typeOf(property, deeper)};`,
    ])
    return ['{', ...lines, `${indent}}`].join('\n')
  }
  if (additionalProperties !== undefined) return `Record<string, ${typeOf(additionalProperties, indent)}>`
  return type === 'integer' ? 'number' : (type ?? 'unknown')
}

const literal = (value: unknown) => (typeof value === 'string' ? `'${value}'` : String(value))
