import BootMenu
import Testing
import menu_sample

/// What the menu says of a version whose start was guessed from another version's.
@Suite struct DerivedPriceTests {
    private func menu(isDerived: Bool) -> MenuState {
        var offer = SampleOffer.few()
        for place in offer.systems.indices where offer.systems[place].distribution.id == "debian" {
            offer.systems[place].versions[0].isBootSetDerived = isDerived
        }
        return Typing.menu(columns: 120, offer: offer)
    }

    @Test func theRowAndTheDetailsSayThatTheyGuess() {
        var (guessed, known) = (menu(isDerived: true), menu(isDerived: false))
        #expect(guessed.text().contains { $0.contains("about 84 MB  ") })
        #expect(known.text().contains { $0.contains(" 84 MB to boot") })
        guessed.press(.character("i"))
        known.press(.character("i"))
        #expect(guessed.text().contains { $0.contains("about 84 MB of") })
        #expect(!known.text().contains { $0.contains("about 84 MB") })
    }

    @Test func aGuessIsNotOfferedForBootingOffline() {
        var (guessed, known) = (menu(isDerived: true), menu(isDerived: false))
        guessed.press(.character("o"))
        known.press(.character("o"))
        #expect(known.text().contains { $0.contains("lets it boot offline") })
        #expect(!guessed.text().contains { $0.contains("lets it boot offline") })
        #expect(guessed.press(.named(.enter)) == [.fetch(Typing.image("debian"), .whole, number: 1)])
    }
}
