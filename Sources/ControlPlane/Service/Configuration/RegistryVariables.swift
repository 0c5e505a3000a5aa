import Providers

extension Variable {
    static let registryAuth = Variable(
        name: "REGISTRY_AUTH",
        meaning: "what the registry asks for: none, basic (a user and a password), or ecr (a token that "
            + "Amazon ECR gives to the platform's AWS credentials)", fallback: "none")
    static let registryUsername = Variable(
        name: "REGISTRY_USERNAME", meaning: "with REGISTRY_AUTH=basic: a user that may only pull",
        fallback: "")
    static let registryPassword = Variable(
        name: "REGISTRY_PASSWORD", meaning: "with REGISTRY_AUTH=basic: its password; every tenant gets it",
        fallback: "", isSecret: true)
}

extension EnvironmentReader {
    mutating func registryAuth() -> RegistryAuth {
        switch optional(.registryAuth) {
        case "none": return .none
        case "ecr": return .ecr
        case "basic":
            for variable in [Variable.registryUsername, .registryPassword]
            where optional(variable) == nil {
                note("\(variable.name) is not set: \(variable.meaning)")
            }
            let username = optional(.registryUsername) ?? ""
            if username.contains(":") { note("REGISTRY_USERNAME: a user's name has no colon.") }
            return .basic(RegistryUser(username: username, password: optional(.registryPassword) ?? ""))
        default:
            note("REGISTRY_AUTH is not one of none, basic and ecr.")
            return .none
        }
    }
}
