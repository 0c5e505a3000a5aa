/// `repository:tag` of each image of the stack, within the registry.
package struct StackImages: Sendable {
    package var postgres: String
    package var redis: String
    package var memoryPlugin: String
    package var tenant: String
    package var cloudflared: String

    package init(
        postgres: String, redis: String, memoryPlugin: String, tenant: String, cloudflared: String
    ) {
        self.postgres = postgres
        self.redis = redis
        self.memoryPlugin = memoryPlugin
        self.tenant = tenant
        self.cloudflared = cloudflared
    }
}
