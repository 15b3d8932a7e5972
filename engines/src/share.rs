//! Shares texts out to several readers.

use crate::bounds::{self, Fault};
use crate::load::Source;
use std::ops::Range;

/// What one reader reads at a time: a source, or some policies of it that follow each other.
pub struct Piece<'a> {
    pub source: &'a Source<'a>,
    /// The place of the source among all.
    pub number: usize,
    /// The piece's own bytes in the source's text.
    pub span: Range<usize>,
    /// How many policies of the source lie before it.
    pub first: usize,
    /// Where its policies lie in the source's text; a fault if the source breaks the bounds.
    pub places: Result<Vec<Range<usize>>, Fault>,
}

impl<'a> Piece<'a> {
    pub fn whole(source: &'a Source<'a>, number: usize) -> Self {
        let places = bounds::check(source.text);
        Piece { source, number, span: 0..source.text.len(), first: 0, places }
    }

    pub fn text(&self) -> &'a str {
        &self.source.text[self.span.clone()]
    }

    /// The piece, of which each reader that policies begin at gets its part.
    fn split(self, reader_at: impl Fn(usize) -> usize) -> Vec<Self> {
        let places = self.places.unwrap_or_default();
        let mut first = self.first;
        let parts = places.chunk_by(|a, b| reader_at(a.start) == reader_at(b.start));
        parts
            .map(|part| {
                let span = part[0].start..part[part.len() - 1].end;
                let places = Ok(part.to_vec());
                let piece = Piece { source: self.source, number: self.number, span, first, places };
                first += part.len();
                piece
            })
            .collect()
    }
}

/// Shares of about the same size, whose pieces in their order are the sources in theirs. Only what is
/// known to be valid is split: what is wrong with a text shows in the whole of it.
pub fn out<'a>(sources: &'a [Source<'a>], readers: usize) -> Vec<Vec<Piece<'a>>> {
    let bytes: usize = sources.iter().map(|source| source.text.len()).sum();
    let size = bytes.div_ceil(readers).max(1);
    let mut shares: Vec<Vec<Piece>> = (0..readers).map(|_| vec![]).collect();
    let mut before = 0;
    for (number, source) in sources.iter().enumerate() {
        let reader_at = |offset: usize| ((before + offset) / size).min(readers - 1);
        let whole = Piece::whole(source, number);
        let pieces = match whole.places {
            Ok(_) if source.validated => whole.split(reader_at),
            _ => vec![whole],
        };
        for piece in pieces {
            shares[reader_at(piece.span.start)].push(piece);
        }
        before += source.text.len();
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &str = "permit(principal, action, resource);";

    fn source(text: &str, validated: bool) -> Source<'_> {
        Source { file: "a.cedar", text, validated }
    }

    #[test]
    fn shares_in_their_order_are_the_sources() {
        let three = format!("// a\n{ALL}\n{ALL} // b\n{ALL}\n");
        let sources = [source(&three, true), source(ALL, true), source("// none", true)];
        for readers in 1..6 {
            let shares = out(&sources, readers);
            assert_eq!(shares.len(), readers);
            let pieces: Vec<&Piece> = shares.iter().flatten().collect();
            let policies: Vec<(usize, usize)> = pieces
                .iter()
                .flat_map(|p| {
                    (p.first..p.first + p.places.as_ref().unwrap().len()).map(|n| (p.number, n))
                })
                .collect();
            assert_eq!(policies, [(0, 0), (0, 1), (0, 2), (1, 0)]);
            for piece in pieces {
                assert!(piece.text().starts_with(ALL) && piece.text().ends_with(ALL));
            }
        }
    }

    #[test]
    fn shares_are_of_about_the_same_size() {
        let ten = ALL.repeat(10);
        let sources = [source(&ten, true)];
        let shares = out(&sources, 2);
        let sizes: Vec<usize> = shares.iter().map(|share| share[0].text().len()).collect();
        assert_eq!(sizes, [ALL.len() * 5, ALL.len() * 5]);
    }

    #[test]
    fn what_may_be_wrong_stays_whole() {
        let many = format!("\n{} //\n", ALL.repeat(10));
        let sources =
            [source(&many, false), source("a\0b", true), source(ALL, true), source("", false)];
        let shares = out(&sources, 2);
        let pieces: Vec<&Piece> = shares.iter().flatten().collect();
        assert_eq!(pieces.len(), 4);
        assert_eq!(pieces[0].text(), many);
        assert!(pieces[1].places.is_err());
    }
}
