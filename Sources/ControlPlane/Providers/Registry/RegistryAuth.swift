/// What the image registry asks for.
package enum RegistryAuth: Sendable, Equatable {
    case none
    case basic(RegistryUser)
    case ecr
}
