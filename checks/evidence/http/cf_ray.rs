//! `cf-ray`: `<16 hex>-<IATA code>`; the code names the data centre
//! (<https://developers.cloudflare.com/fundamentals/reference/cloudflare-ray-id/>).

use super::Headers;

/// One request at Cloudflare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CfRay {
    /// Everything before the hyphen.
    pub id: String,
    /// The data centre that answered, upper case, if it is named.
    pub colo: Option<String>,
}

impl CfRay {
    /// Reads the value.
    pub fn parse(text: &str) -> CfRay {
        let text = text.trim();
        let Some((id, colo)) = text.rsplit_once('-') else {
            return CfRay { id: text.to_owned(), colo: None };
        };
        let is_code = colo.len() == 3 && colo.bytes().all(|b| b.is_ascii_alphabetic());
        match is_code {
            true => CfRay { id: id.to_owned(), colo: Some(colo.to_ascii_uppercase()) },
            false => CfRay { id: text.to_owned(), colo: None },
        }
    }

    /// The value written anew.
    pub fn print(&self) -> String {
        match &self.colo {
            Some(colo) => format!("{}-{colo}", self.id),
            None => self.id.clone(),
        }
    }
}

impl Headers {
    /// `cf-ray`, if sent.
    pub fn cf_ray(&self) -> Option<CfRay> {
        self.first("cf-ray").map(CfRay::parse)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_the_data_centre() {
        assert_eq!(CfRay::parse("230b030023ae2822-SJC").colo.as_deref(), Some("SJC"));
        assert_eq!(CfRay::parse("230b030023ae2822").colo, None);
        assert_eq!(CfRay::parse("<omitted>").colo, None);
    }

    proptest! {
        #[test]
        fn printing_agrees(text in ".{0,40}") {
            let once = CfRay::parse(&text);
            prop_assert_eq!(&once, &CfRay::parse(&once.print()));
        }
    }
}
