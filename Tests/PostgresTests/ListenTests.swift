import Foundation
import Postgres
import TestSupport
import Testing

@Suite struct ListenTests {
    @Test func everySubscriberOfAChannelHearsItAndNoOther() async throws {
        try await withTestDatabase(migrated: false) { database in
            var first = database.pool.listen(to: "news").makeAsyncIterator()
            var second = database.pool.listen(to: "news").makeAsyncIterator()
            var other = database.pool.listen(to: "weather").makeAsyncIterator()
            #expect(await first.next() == "")
            #expect(await second.next() == "")
            #expect(await other.next() == "")
            try await database.pool.execute("SELECT pg_notify('news', 'hello')")
            try await database.pool.execute("SELECT pg_notify('weather', 'rain')")
            #expect(await first.next() == "hello")
            #expect(await second.next() == "hello")
            #expect(await other.next() == "rain")
        }
    }

    @Test func listeningGoesOnAfterTheConnectionWasLost() async throws {
        try await withTestDatabase(migrated: false) { database in
            var news = database.pool.listen(to: "news").makeAsyncIterator()
            #expect(await news.next() == "")
            try await database.pool.execute(
                """
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = \(database.name) AND pid <> pg_backend_pid()
                """)
            #expect(await news.next() == "")
            try await database.pool.execute("SELECT pg_notify('news', 'still here')")
            #expect(await news.next() == "still here")
        }
    }

    @Test func closingThePoolEndsTheStream() async throws {
        try await withTestDatabase(migrated: false) { database in
            let pool = database.anotherPool()
            var news = pool.listen(to: "news").makeAsyncIterator()
            #expect(await news.next() == "")
            await pool.close()
            #expect(await news.next() == nil)
        }
    }
}
